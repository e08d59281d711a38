//! What a worker is told from outside, as plain data (the command line fills it from config).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::SecretString;

use crate::action::{Git, OdooSettings};
use crate::container::RegistryAuth;

/// How long a lease lasts.
pub const LEASE_SECS: u32 = 30;
/// How often all leases are renewed.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// How long running steps may go on after the first SIGTERM.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(600);
/// Between SIGTERM and SIGKILL of a container.
pub const CANCEL_GRACE: Duration = Duration::from_secs(10);
/// Time limit of a run that names none.
pub const RUN_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// How much of a run's output is stored.
pub const LOG_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// How often a worker looks for work by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// While LISTEN is healthy.
    pub listening: Duration,
    /// Otherwise; spread by ± 50 %.
    pub deaf: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { listening: Duration::from_secs(30), deaf: Duration::from_secs(2) }
    }
}

/// How often the janitor looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweeping {
    /// Leftovers on the engine and of Odoo databases.
    pub leftovers: Duration,
    /// Runs whose lease has expired; at most this, spread downwards by a third.
    pub lost_runs: Duration,
}

impl Default for Sweeping {
    fn default() -> Self {
        Self { leftovers: Duration::from_secs(60), lost_runs: Duration::from_secs(15) }
    }
}

/// Everything a worker must know; secrets are wrapped and never printed.
#[derive(Clone)]
pub struct WorkerSettings {
    /// Unique among the workers of one control plane; belongs to the login role that first used it.
    pub worker_id: String,
    /// What this worker can do; a run with `required_labels` goes only where all of them are.
    pub labels: Vec<String>,
    /// Runs at once.
    pub slots: usize,
    /// Name of the machine, for people.
    pub host: String,
    /// Length of a lease in seconds ([`LEASE_SECS`]).
    pub lease_secs: u32,
    /// Between two renewals ([`HEARTBEAT_EVERY`]); a third of the lease.
    pub heartbeat_every: Duration,
    /// How long running steps may go on while draining ([`DRAIN_TIMEOUT`]).
    pub drain_timeout: Duration,
    /// Between SIGTERM and SIGKILL of a container ([`CANCEL_GRACE`]).
    pub cancel_grace: Duration,
    /// Time limit of a run that names none ([`RUN_TIMEOUT`]).
    pub run_timeout: Duration,
    /// How often to look for work.
    pub polling: Polling,
    /// How often to clean up.
    pub sweeping: Sweeping,
    /// Stored output per run ([`LOG_LIMIT_BYTES`]).
    pub log_limit_bytes: u64,
    /// Networks (by name, beside `none` and `run`) that a workflow may join.
    pub allowed_networks: BTreeSet<String>,
    /// Secrets that steps may ask for, by name (`ODOOOPS_SECRET_<NAME>` or a secrets directory).
    pub secrets: BTreeMap<String, SecretString>,
    /// Values that no step gets but that must never be printed: passwords of the configured URLs, with a
    /// name for messages.
    pub redact_also: Vec<(String, SecretString)>,
    /// Logins by registry host (`ghcr.io`, `docker.io`).
    pub registry_auth: BTreeMap<String, RegistryAuth>,
    /// What Odoo steps need.
    pub odoo: OdooSettings,
    /// How sources are checked out.
    pub git: Git,
}
