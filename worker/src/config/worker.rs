//! Settings of `odooops worker`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::registry::{self, RegistryLogin};
use super::{ConfigError, DatabaseConfig, DatabaseUrl, GitConfig, OdooConfig, SecretsConfig};

/// Runs at the same time when nothing else is said.
const SLOTS_DEFAULT: u16 = 2;
/// Seconds for which a claim is held between two heartbeats.
const LEASE_SECS_DEFAULT: u32 = 30;
/// Seconds that running steps get to finish after the first SIGTERM.
const DRAIN_TIMEOUT_SECS_DEFAULT: u64 = 600;
/// Seconds between SIGTERM and SIGKILL of a container.
const CANCEL_GRACE_SECS_DEFAULT: u64 = 10;
/// Time limit in seconds of a run that names none: six hours.
const RUN_TIMEOUT_SECS_DEFAULT: u64 = 6 * 3600;
/// Bytes of log kept per run: 256 MiB.
const LOG_BYTES_MAX_DEFAULT: u64 = 256 * 1024 * 1024;

/// How a worker learns of new runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WakeUp {
    /// By LISTEN on a connection of its own, and by seldom polling.
    Listen,
    /// By polling only: where all connections go through a transaction pooler.
    Poll,
}

/// Flags of the worker.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerConfig {
    /// The worker's own login, with worker rights only; DATABASE_URL when unset.
    #[arg(
        long = "worker-database-url",
        env = "ODOOOPS_WORKER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub worker_database_url: Option<SecretString>,
    /// Name of this worker, the same after a restart; the machine's name when unset.
    #[arg(long = "id", env = "ODOOOPS_WORKER_ID", value_name = "NAME")]
    pub id: Option<String>,
    /// Labels that this worker has (a run may require some), comma-separated.
    #[arg(long = "labels", env = "ODOOOPS_WORKER_LABELS", value_delimiter = ',', value_name = "LABEL,…")]
    pub labels: Vec<String>,
    /// Runs at the same time.
    #[arg(
        long = "slots",
        env = "ODOOOPS_WORKER_SLOTS",
        default_value_t = SLOTS_DEFAULT,
        value_parser = clap::value_parser!(u16).range(1..=1000),
        value_name = "N"
    )]
    pub slots: u16,
    /// Seconds after which the runs of a dead worker are given to another.
    #[arg(
        long = "lease-secs",
        env = "ODOOOPS_WORKER_LEASE_SECS",
        default_value_t = LEASE_SECS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(5..=3600),
        value_name = "SECS"
    )]
    pub lease_secs: u32,
    /// Seconds that running steps get to finish after SIGTERM before they are handed back.
    #[arg(
        long = "drain-timeout-secs",
        alias = "drain-timeout",
        env = "ODOOOPS_WORKER_DRAIN_TIMEOUT_SECS",
        default_value_t = DRAIN_TIMEOUT_SECS_DEFAULT,
        value_name = "SECS"
    )]
    pub drain_timeout_secs: u64,
    /// Seconds that a canceled container gets between SIGTERM and SIGKILL.
    #[arg(
        long = "cancel-grace-secs",
        env = "ODOOOPS_WORKER_CANCEL_GRACE_SECS",
        default_value_t = CANCEL_GRACE_SECS_DEFAULT,
        value_name = "SECS"
    )]
    pub cancel_grace_secs: u64,
    /// Time limit in seconds of a run that names none.
    #[arg(
        long = "run-timeout-secs",
        env = "ODOOOPS_WORKER_RUN_TIMEOUT_SECS",
        default_value_t = RUN_TIMEOUT_SECS_DEFAULT,
        value_name = "SECS"
    )]
    pub run_timeout_secs: u64,
    /// Address of /healthz, /readyz and /metrics; off when empty.
    #[arg(
        long = "health-addr",
        env = "ODOOOPS_WORKER_HEALTH_ADDR",
        default_value = "127.0.0.1:9187",
        value_name = "HOST:PORT"
    )]
    pub health_addr: String,
    /// Bytes of log kept per run; what is cut is counted and said.
    #[arg(
        long = "log-bytes-max",
        env = "ODOOOPS_WORKER_LOG_BYTES_MAX",
        default_value_t = LOG_BYTES_MAX_DEFAULT,
        value_name = "BYTES"
    )]
    pub log_bytes_max: u64,
    /// Container engine: unix:///var/run/docker.sock, a Podman socket, or tcp://host:port.
    #[arg(long = "docker-host", env = "DOCKER_HOST", value_name = "URL")]
    pub docker_host: Option<String>,
    /// Directory with key.pem, cert.pem and ca.pem: makes tcp:// speak TLS.
    #[arg(long = "docker-cert-path", env = "DOCKER_CERT_PATH", value_name = "DIR")]
    pub docker_cert_path: Option<PathBuf>,
    /// Networks of the engine that a workflow may join by name, comma-separated.
    #[arg(long = "networks", env = "ODOOOPS_WORKER_NETWORKS", value_delimiter = ',', value_name = "NAME,…")]
    pub networks: Vec<String>,
    /// Logins for image registries, a Docker config.json with its `auths`.
    #[arg(long = "registry-config", env = "ODOOOPS_REGISTRY_CONFIG", value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// How the worker learns of new runs.
    #[arg(
        long = "wake-up",
        env = "ODOOOPS_WORKER_WAKE_UP",
        value_enum,
        default_value_t = WakeUp::Listen,
        value_name = "HOW"
    )]
    pub wake_up: WakeUp,
    /// Check-outs.
    #[command(flatten)]
    pub git: GitConfig,
    /// Secrets for steps.
    #[command(flatten)]
    pub secrets: SecretsConfig,
    /// Odoo steps.
    #[command(flatten)]
    pub odoo: OdooConfig,
}

impl WorkerConfig {
    /// The worker's own login, else what every command uses.
    pub fn database_url(&self, database: &DatabaseConfig) -> Result<DatabaseUrl, ConfigError> {
        match super::database_url(self.worker_database_url.as_ref(), "ODOOOPS_WORKER_DATABASE_URL") {
            Some(own) => own.checked(),
            None => database.url(),
        }
    }

    /// The worker's name; the machine's name when none is set.
    pub fn worker_id(&self) -> Result<String, ConfigError> {
        let given = self.id.as_deref().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned);
        given.or_else(super::host_name).filter(|id| !id.is_empty()).ok_or(ConfigError::Missing {
            what: "the worker's name",
            variable: "ODOOOPS_WORKER_ID (or --id)",
            example: ": this machine has no host name to fall back to",
        })
    }

    /// Labels without blanks and repeats, in a fixed order.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<String> {
        names(&self.labels)
    }

    /// Networks that a workflow may join.
    #[must_use]
    pub fn networks(&self) -> BTreeSet<String> {
        names(&self.networks)
    }

    /// The machine's name, for people.
    #[must_use]
    pub fn host(&self) -> String {
        super::host_name().unwrap_or_else(|| "unknown".to_owned())
    }

    /// Logins by registry host.
    pub fn registry_logins(&self) -> Result<BTreeMap<String, RegistryLogin>, ConfigError> {
        match self.registry_config.as_deref().filter(|path| *path != Path::new("")) {
            Some(path) => registry::read(path),
            None => Ok(BTreeMap::new()),
        }
    }

    /// Where health is served; `None` when switched off.
    pub fn health_addr(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let given = self.health_addr.trim();
        if given.is_empty() {
            return Ok(None);
        }
        given.parse().map(Some).map_err(|_| {
            ConfigError::invalid(
                "ODOOOPS_WORKER_HEALTH_ADDR (or --health-addr)",
                format!(
                    "{given:?} is no address; write e.g. 127.0.0.1:9187, or leave it empty to switch it off"
                ),
            )
        })
    }

    /// Where the engine's certificates are, where that is set.
    #[must_use]
    pub fn docker_cert_path(&self) -> Option<PathBuf> {
        self.docker_cert_path.clone().filter(|path| path.as_path() != Path::new(""))
    }

    /// The engine's socket, where one is set.
    #[must_use]
    pub fn docker_host(&self) -> Option<&str> {
        self.docker_host.as_deref().map(str::trim).filter(|host| !host.is_empty())
    }

    /// What no step gets but redaction must know: (name, value) of the passwords in the configured URLs.
    #[must_use]
    pub fn passwords(&self, database: &DatabaseUrl) -> Vec<(String, SecretString)> {
        let mut passwords = self.odoo.passwords();
        passwords.extend(super::odoo::password_in(database.variable, &database.url));
        let proxy = self.git.git_proxy.as_deref().map(SecretString::from);
        passwords.extend(proxy.and_then(|url| super::odoo::password_in("ODOOOPS_GIT_PROXY", &url)));
        passwords
    }
}

fn names(given: &[String]) -> BTreeSet<String> {
    given.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Harness {
        #[command(flatten)]
        worker: WorkerConfig,
    }

    fn parse(flags: &[&str]) -> Result<WorkerConfig, clap::Error> {
        let argv = std::iter::once("odooops").chain(flags.iter().copied());
        Harness::try_parse_from(argv).map(|harness| harness.worker)
    }

    #[test]
    fn labels_are_trimmed_sorted_and_unique() {
        let worker = parse(&["--labels", "gpu, big,,gpu"]).expect("flags");
        assert_eq!(worker.labels().into_iter().collect::<Vec<_>>(), ["big", "gpu"]);
    }

    #[test]
    fn an_empty_health_address_switches_it_off() {
        let address = |given| parse(&["--health-addr", given]).expect("flags").health_addr();
        assert_eq!(address(""), Ok(None));
        assert_eq!(address("127.0.0.1:0"), Ok(Some(([127, 0, 0, 1], 0).into())));
        let problem = address("8080").expect_err("no host").to_string();
        assert!(problem.contains("--health-addr") && problem.contains("127.0.0.1:9187"), "{problem}");
    }

    #[test]
    fn slots_and_leases_have_bounds() {
        for wrong in [["--slots", "0"], ["--slots", "many"], ["--lease-secs", "1"]] {
            parse(&wrong).expect_err(wrong[1]);
        }
    }

    #[test]
    fn the_workers_own_login_wins() {
        let database =
            DatabaseConfig { database_url: Some("postgres://admin@db/ops".into()), supabase_db_url: None };
        let own = parse(&["--worker-database-url", "postgres://worker@db/ops"]).expect("flags");
        assert_eq!(own.database_url(&database).expect("a URL").variable, "ODOOOPS_WORKER_DATABASE_URL");
        let without = parse(&["--worker-database-url", ""]).expect("flags");
        assert_eq!(without.database_url(&database).expect("a URL").variable, "DATABASE_URL");
    }

    #[test]
    fn redaction_knows_the_passwords_of_the_urls() {
        let worker = parse(&[
            "--odoo-database-url",
            "postgres://odoo:odoo-password@db/x",
            "--git-proxy",
            "http://proxy-token@proxy:3128",
        ])
        .expect("flags");
        let url = DatabaseUrl { url: "postgres://w:worker-password@db/x".into(), variable: "DATABASE_URL" };
        let redacted = worker.passwords(&url);
        let names: Vec<&str> = redacted.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"password in ODOOOPS_ODOO_DATABASE_URL"), "{names:?}");
        assert!(names.contains(&"password in DATABASE_URL"), "{names:?}");
        assert!(names.contains(&"password in ODOOOPS_GIT_PROXY"), "{names:?}");
    }
}
