//! `odooops worker --check`: would a worker with these settings work here? `--check-first`: and then start.

use std::time::Duration;

use serde::Serialize;
use tracing::{error, info};

use super::start;
use crate::cli::output::{Look, Output};
use crate::cli::{Cli, Exit};
use crate::config::{ConfigError, WorkerConfig};
use crate::container::{ContainerError, Containers as _};
use crate::contract::{Contract, ContractError, DatabaseSettings};
use crate::runner::redact::Redactor;
use crate::store::{Store, StoreError};

/// Clocks that are further apart do not do: log lines would be dated before their run was queued. Stores
/// and certificates bear more (S3 refuses a signature at 15 minutes).
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);

/// How long a check may take. All go on at the same time, so that they are done long before systemd's time
/// for a start (TimeoutStartSec=120 in the unit) is over.
const CHECK_LIMIT: Duration = Duration::from_secs(20);

/// What was tried.
#[derive(Debug, Serialize)]
struct Checked {
    what: &'static str,
    found: Option<String>,
    problem: Option<String>,
    /// How the program would end for this alone.
    #[serde(skip)]
    exit: Exit,
}

/// Told of each check as it ends.
type Listener<'a> = &'a dyn Fn(&Checked);

/// Tries and answers on stdout.
pub(super) async fn execute(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Exit> {
    let checked = examine(config, cli, &|_| {}).await?;
    Output::new(&cli.output).answer(&checked, |look| human(&checked, look))?;
    Ok(verdict(&checked))
}

/// Tries and says it in the worker's log; `None` when a worker may start.
pub(super) async fn refusal(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Option<Exit>> {
    let tell = |Checked { what, found, problem, .. }: &Checked| match problem {
        Some(problem) => error!(check = what, "failed: {problem}"),
        None => info!(check = what, "good: {}", found.as_deref().unwrap_or_default()),
    };
    let checked = examine(config, cli, &tell).await?;
    Ok(match verdict(&checked) {
        Exit::Done => None,
        exit => Some(exit),
    })
}

/// Wrong set-up weighs more than what may be otherwise at the next try.
fn verdict(checked: &[Checked]) -> Exit {
    let exits: Vec<Exit> = checked.iter().map(|checked| checked.exit).collect();
    [Exit::Usage, Exit::RunFailed].into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Done)
}

/// Wrong settings are an error; everything else is tried at the same time and to its end, so that all
/// problems are said at once.
async fn examine(config: &WorkerConfig, cli: &Cli, listener: Listener<'_>) -> anyhow::Result<Vec<Checked>> {
    let settings = start::worker_settings(config, cli)?;
    let secrets: Vec<_> = settings.secrets.into_iter().collect();
    Redactor::new(&secrets)?;
    let database = start::database_settings(config, cli, settings.slots)?;
    let check = Check { cli, listener };
    let checked = tokio::join!(
        check.run("database", contract(&database)),
        check.run("rights", rights(&database)),
        check.run("clock", clock(&database)),
        check.run("store", store(cli)),
        check.run("container engine", engine(config)),
    );
    Ok(<[Checked; 5]>::from(checked).into())
}

struct Check<'a> {
    cli: &'a Cli,
    listener: Listener<'a>,
}

impl Check<'_> {
    async fn run(&self, what: &'static str, trying: impl Future<Output = anyhow::Result<String>>) -> Checked {
        let checked = match limited(CHECK_LIMIT, trying).await {
            Ok(found) => Checked { what, found: Some(found), problem: None, exit: Exit::Done },
            Err(problem) => {
                let (text, exit) = (self.cli.explain(&problem), exit_of(&problem));
                Checked { what, found: None, problem: Some(text), exit }
            }
        };
        (self.listener)(&checked);
        checked
    }
}

async fn limited(
    limit: Duration,
    trying: impl Future<Output = anyhow::Result<String>>,
) -> anyhow::Result<String> {
    match tokio::time::timeout(limit, trying).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => anyhow::bail!("it did not end within {} s", limit.as_secs_f64()),
    }
}

/// 2 (systemd does not try again) where only another setting helps; 1 where the database, the store or the
/// engine may be otherwise the next time.
fn exit_of(problem: &anyhow::Error) -> Exit {
    let is_wrong_setting = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<ConfigError>()
            || cause.is::<TooManyRights>()
            || matches!(cause.downcast_ref(), Some(ContractError::BadArgument(_)))
            || matches!(cause.downcast_ref(), Some(StoreError::Invalid { .. }))
            || matches!(cause.downcast_ref(), Some(ContainerError::Refused(_)))
    };
    if problem.chain().any(is_wrong_setting) { Exit::Usage } else { Exit::RunFailed }
}

/// A login that may more than a worker needs. It is refused, not warned of: builds are strangers' code.
#[derive(Debug, thiserror::Error)]
#[error("more than a worker needs: {}; give ODOOOPS_WORKER_DATABASE_URL a login in ops_worker only", .0.join(", "))]
struct TooManyRights(Vec<String>);

async fn contract(database: &DatabaseSettings) -> anyhow::Result<String> {
    let (_, info) = Contract::connect(database).await?;
    Ok(format!("contract version {}, instance {}", info.version, info.instance_id))
}

async fn rights(database: &DatabaseSettings) -> anyhow::Result<String> {
    let rights = Contract::new(database)?.rights_beyond_worker().await?;
    if rights.is_empty() {
        return Ok("no more than a worker needs".to_owned());
    }
    Err(TooManyRights(rights).into())
}

async fn clock(database: &DatabaseSettings) -> anyhow::Result<String> {
    let skew = Contract::new(database)?.clock_skew().await?;
    let apart = skew.ahead.unsigned_abs().as_secs_f64();
    if skew.certain() <= CLOCK_SKEW_MAX {
        return Ok(format!("{apart:.3} s from the database's, ± {:.3} s", skew.uncertainty.as_secs_f64()));
    }
    let which = if skew.ahead.is_negative() { "behind" } else { "ahead of" };
    anyhow::bail!(
        "the database's clock is {apart:.1} s {which} this machine's, {} s are allowed; have both set by NTP \
         (timedatectl set-ntp true)",
        CLOCK_SKEW_MAX.as_secs()
    )
}

async fn store(cli: &Cli) -> anyhow::Result<String> {
    Store::open(cli.store.url()?).await?.check().await?;
    Ok(format!("{} is written and read", cli.store.place()))
}

async fn engine(config: &WorkerConfig) -> anyhow::Result<String> {
    let engine = start::docker(config)?.engine().await?;
    Ok(format!("version {}, API {}", engine.version, engine.api_version))
}

fn human(checked: &[Checked], look: Look) -> String {
    let row = |checked: &Checked| {
        let (verdict, text) = match (&checked.problem, &checked.found) {
            (Some(problem), _) => ("failed", problem.clone()),
            (None, found) => ("good", found.clone().unwrap_or_default()),
        };
        [checked.what.to_owned(), verdict.to_owned(), text]
    };
    look.table(&["CHECK", "VERDICT", "DETAIL"], checked.iter().map(row), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(exits: &[Exit]) -> Vec<Checked> {
        exits.iter().map(|exit| Checked { what: "x", found: None, problem: None, exit: *exit }).collect()
    }

    #[tokio::test]
    async fn a_check_that_never_ends_is_given_up() {
        let problem =
            limited(Duration::from_millis(20), std::future::pending()).await.expect_err("no answer");
        assert_eq!(problem.to_string(), "it did not end within 0.02 s");
    }

    #[test]
    fn a_wrong_setting_weighs_more_than_what_is_away() {
        assert_eq!(verdict(&checked(&[Exit::Done, Exit::Done])), Exit::Done);
        assert_eq!(verdict(&checked(&[Exit::RunFailed, Exit::Done])), Exit::RunFailed);
        assert_eq!(verdict(&checked(&[Exit::RunFailed, Exit::Usage])), Exit::Usage);
    }

    #[test]
    fn what_may_heal_is_told_from_what_only_a_setting_mends() {
        let too_many = anyhow::Error::new(TooManyRights(vec!["it is a superuser".to_owned()]));
        assert_eq!(exit_of(&too_many), Exit::Usage);
        let old = ContractError::Conflict(crate::contract::Refusal::default());
        assert_eq!(exit_of(&old.into()), Exit::RunFailed, "somebody migrates the database");
        assert_eq!(exit_of(&ContainerError::EngineGone("x".to_owned()).into()), Exit::RunFailed);
        assert_eq!(exit_of(&ContainerError::Refused("ftp://x".to_owned()).into()), Exit::Usage);
    }
}
