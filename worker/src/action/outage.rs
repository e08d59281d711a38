//! Told apart: Odoo failed for what the user wrote, or because the machines below it failed. Pure.

use crate::action::Fault;
use crate::container::{ContainerExit, DiskSpace, Limits};
use crate::odoo::LogFacts;

/// Exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;
/// Exit code of the image's entrypoint when it finds no database server.
const NO_SERVER: i64 = 1;

/// What the worker saw around a run of Odoo that did not come to a good end.
pub(super) struct Surroundings<'a> {
    pub(super) exit: ContainerExit,
    pub(super) log: &'a LogFacts,
    pub(super) limits: Limits,
    /// `host:port` of the Odoo databases' server.
    pub(super) server: &'a str,
    /// When that server was started, as seen before and after.
    pub(super) server_started: (&'a str, &'a str),
    /// Room on the engine's disk, where it can be told.
    pub(super) engine_disk: Option<DiskSpace>,
}

/// Whose fault it is when it is not for the verdict to say.
pub(super) fn fault_of(seen: &Surroundings<'_>) -> Option<Fault> {
    let Surroundings { exit, log, limits, server, server_started: (before, after), engine_disk } = seen;
    let code = exit.code;
    let infra = |text: String| Some(Fault::Infra(text));
    if exit.oom_killed && code != 0 {
        return Some(match limits.memory_bytes {
            Some(limit) => Fault::user(
                code,
                format!(
                    "Odoo was killed: it used more memory than its limit of {} MiB; raise limits.memory_mb or use less",
                    limit >> 20
                ),
            ),
            None => Fault::Infra("Odoo was killed: host out of memory".to_owned()),
        });
    }
    if code == KILLED {
        return infra(
            "Odoo was killed from outside (exit code 137, SIGKILL), not by its own limits".to_owned(),
        );
    }
    if before != after {
        return infra(format!(
            "the Odoo database server {server} was restarted during the run (started {before}, then {after})"
        ));
    }
    if let Some(said) = log.connection_failure.as_ref().filter(|_| code == NO_SERVER && log.records == 0) {
        return infra(format!(
            "containers do not reach the Odoo database server {server}: {said}; check that \
             ODOOOPS_ODOO_DATABASE_URL names an address that containers reach, that Postgres listens there, \
             and pg_hba.conf and firewall"
        ));
    }
    if let Some(said) = &log.database_disk_full {
        return infra(format!("the disk of the Odoo database server {server} is full: {said}"));
    }
    let disk = engine_disk.filter(|space| space.is_full())?;
    infra(format!("Odoo failed while the engine's disk was full ({} MiB left)", disk.free_bytes >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: i64, change: impl FnOnce(&mut LogFacts, &mut Surroundings<'_>)) -> Option<Fault> {
        let empty = LogFacts::default();
        let mut log = LogFacts { records: 9, ..LogFacts::default() };
        let exit = ContainerExit { code, oom_killed: false };
        let limits = Limits { memory_bytes: None, ..Limits::default() };
        let server_started = ("1", "1");
        let mut seen =
            Surroundings { exit, log: &empty, limits, server: "db:5432", server_started, engine_disk: None };
        change(&mut log, &mut seen);
        fault_of(&Surroundings { log: &log, ..seen })
    }

    fn is_infra(fault: Option<Fault>, part: &str) -> bool {
        matches!(&fault, Some(Fault::Infra(text)) if text.contains(part))
    }

    #[test]
    fn what_odoo_itself_came_to_is_left_to_the_verdict() {
        for code in [0, 1, 2, 130, 143, 255] {
            assert_eq!(judged(code, |_, _| {}), None, "{code}");
        }
    }

    #[test]
    fn memory_is_the_users_where_a_limit_was_set_and_the_hosts_where_none_was() {
        let oom = |limit: Option<u64>| {
            judged(137, move |_, seen| {
                seen.exit.oom_killed = true;
                seen.limits.memory_bytes = limit;
            })
        };
        assert!(is_infra(oom(None), "host out of memory"));
        let fault = oom(Some(512 << 20));
        assert!(
            matches!(&fault, Some(Fault::User { exit_code: 137, message }) if message.contains("512 MiB")),
            "{fault:?}"
        );
    }

    #[test]
    fn a_run_that_ended_well_stays_so_when_a_process_of_it_was_killed() {
        assert_eq!(judged(0, |_, seen| seen.exit.oom_killed = true), None);
    }

    #[test]
    fn what_the_machines_below_did_is_infrastructure() {
        assert!(is_infra(judged(137, |_, _| {}), "SIGKILL"));
        assert!(is_infra(judged(1, |_, seen| seen.server_started = ("1", "2")), "restarted"));
        let full = DiskSpace { free_bytes: 0, total_bytes: 100 << 30 };
        assert!(is_infra(judged(1, |_, seen| seen.engine_disk = Some(full)), "disk was full"));
        let said = "psycopg2.errors.DiskFull: could not extend file".to_owned();
        assert!(is_infra(judged(255, |log, _| log.database_disk_full = Some(said)), "could not extend"));
    }

    #[test]
    fn a_server_that_containers_do_not_reach_is_named_with_what_to_check() {
        let unreached = |records: u64| {
            judged(1, move |log, _| {
                log.records = records;
                log.connection_failure = Some("Database connection failure: refused".to_owned());
            })
        };
        assert!(is_infra(unreached(0), "db:5432"));
        assert!(is_infra(unreached(0), "ODOOOPS_ODOO_DATABASE_URL"));
        assert_eq!(unreached(1), None, "Odoo itself was there");
    }
}
