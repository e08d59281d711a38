//! Built-in steps (`uses: odoo/test`): each turns a step and what we know of Odoo into container
//! specs, and judges what came back. An action reaches the world through its [`Host`] only.

mod check_out;
mod context;
mod fault;
mod filestore;
mod image;
mod input;
mod log_tap;
mod odoo_backup;
mod odoo_build;
pub mod odoo_db;
mod odoo_test;
mod outage;
mod pipe;
mod program;
mod scratch;
#[cfg(test)]
pub(crate) mod testing;
mod trailer;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::container::{ContainerExit, ContainerSpec, Containers, Labels, Limits, OutputChunk, RegistryAuth};
pub use crate::git::Git;
use crate::store::Stored;
use crate::workflow::BuiltIn;

/// Why a step did not succeed; decided from what the worker itself saw, never from what the build printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The build, test or command failed: the user's to mend. Never retried by default.
    #[error("{message}")]
    User {
        /// Exit code to record (1 when the fault has none).
        exit_code: i32,
        /// What failed and why, in one line.
        message: String,
    },
    /// The definition or input asks for something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The machine failed (pull, daemon, disk, network, store): retried elsewhere.
    #[error("{0}")]
    Infra(String),
    /// The step passed its time limit.
    #[error("{0}")]
    Timeout(String),
    /// A cancel request stopped it.
    #[error("canceled")]
    Canceled,
    /// The lease is gone or the worker stops now: nothing more may be written for this attempt.
    #[error("stopped: {0}")]
    Stopped(String),
}

/// Where a container's bytes go while an action runs it.
#[async_trait]
pub trait OutputTap: Send {
    /// Called with each chunk, in order, before the next is read (so a slow tap slows the container).
    async fn chunk(&mut self, chunk: &OutputChunk) -> Result<(), Fault>;

    /// The level that a line of the output has in the run's log.
    fn level_of(&self, _line: &str) -> Level {
        Level::Info
    }
}

/// Takes secrets out of bytes that come in parts, wherever they were parted.
pub trait Redacting: Send {
    /// Takes the next bytes and adds to `out` whatever is decided by now.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>);
    /// The bytes have ended: gives out the rest.
    fn finish(self: Box<Self>, out: &mut Vec<u8>);
}

/// What the runner offers to an action. Everything made through it is labelled and removed by the runner.
#[async_trait]
pub trait Host: Send + Sync {
    /// What this step is part of.
    fn run(&self) -> &RunContext;
    /// The engine, for images and look-ups. Containers are run through [`run_container`](Self::run_container).
    fn containers(&self) -> &dyn Containers;
    /// The login for the registry of an image, where the worker has one.
    fn registry_auth(&self, _image: &str) -> Option<&RegistryAuth> {
        None
    }
    /// Check-outs.
    fn git(&self) -> &Git;
    /// Canceled when the step must stop: cancel request, timeout, lost lease, shutdown.
    fn stop_token(&self) -> &CancellationToken;
    /// Runs a container to its end. Both streams go to the run's log, and to `tap` first where given;
    /// a tap with `tap_takes_stdout` keeps stdout out of the log (data, not text).
    async fn run_container(
        &self,
        spec: ContainerSpec,
        tap: Option<&mut dyn OutputTap>,
        tap_takes_stdout: bool,
    ) -> Result<ContainerExit, Fault>;
    /// One line of our own in the run's log (redacted like all others).
    async fn log(&self, level: Level, message: &str) -> Result<(), Fault>;
    /// Replaces every registered secret in what goes to artifacts instead of the log.
    fn redact_stream(&self) -> Box<dyn Redacting>;
    /// Streams bytes to the store and records the artifact under `key` (`backup/manifest.json`), or under
    /// `backup/manifest-2.json` and so on where this attempt has used it. When reading `bytes` fails, nothing is stored.
    async fn save_artifact(
        &self,
        key: &str,
        content_type: &str,
        bytes: crate::container::ByteReader,
    ) -> Result<Stored, Fault>;
    /// The run's own network, made on first use.
    async fn run_network(&self) -> Result<String, Fault>;
    /// The name of the run's workspace volume (mounted at [`WORKSPACE`] in every step).
    fn workspace_volume(&self) -> &str;
}

/// Where the run's workspace is inside a step.
pub const WORKSPACE: &str = "/workspace";

/// Level of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Detail.
    Debug,
    /// Normal.
    Info,
    /// Look at it.
    Warning,
    /// Failed.
    Error,
}

/// What an action may know of the run, the project and the worker.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// Labels for whatever is created.
    pub labels: Labels,
    /// Project slug.
    pub project: String,
    /// The project's repository, where it has one.
    pub repo_url: Option<String>,
    /// The project's Odoo version (`18.0`), where it says one.
    pub odoo_version: Option<String>,
    /// Project settings (`projects.settings`).
    pub settings: Map<String, Value>,
    /// Branch, tag or commit asked for.
    pub git_ref: Option<String>,
    /// Commit asked for.
    pub commit_sha: Option<String>,
    /// The run's input.
    pub input: Map<String, Value>,
    /// What earlier steps gave out (merged `output.json`s and results of actions).
    pub outputs: Map<String, Value>,
    /// Name of the step.
    pub step: String,
    /// The step's `with`.
    pub with: Map<String, Value>,
    /// Environment of the step: workflow `env`, then step `env`, then secrets by name.
    pub env: BTreeMap<String, String>,
    /// Limits of the step.
    pub limits: Limits,
    /// What the worker is set up with for Odoo.
    pub odoo: OdooSettings,
}

/// The worker's own settings for Odoo steps.
#[derive(Debug, Clone)]
pub struct OdooSettings {
    /// `ODOOOPS_ODOO_DATABASE_URL`: the server on which Odoo databases live.
    pub database_url: Option<secrecy::SecretString>,
    /// `ODOOOPS_ODOO_IMAGE`; `odoo:18.0` when unset.
    pub image: Option<String>,
    /// `ODOOOPS_ODOO_DATA`: Odoo's data_dir (with `filestore/<db>`), `volume:NAME` or an absolute host path.
    pub data_dir: Option<String>,
    /// `ODOOOPS_CA_BUNDLE`: file with CA certificates for containers that fetch through a company CA.
    pub ca_bundle: Option<std::path::PathBuf>,
    /// `ODOOOPS_PIP_INDEX_URL`: where python requirements come from, instead of PyPI; without a password.
    pub pip_index_url: Option<String>,
}

/// What a step gives back when it succeeded: merged into the run's result and seen by later steps.
pub type Outputs = Map<String, Value>;

/// Runs a built-in step to its end, or until [`Host::stop_token`] fires.
///
/// # Errors
/// The [`Fault`] says whose it is; what was made outside the host's care is gone again.
pub async fn run(uses: BuiltIn, host: &dyn Host) -> Result<Outputs, Fault> {
    match uses {
        BuiltIn::OdooBuild => odoo_build::run(host).await,
        BuiltIn::OdooTest => odoo_test::run(host).await,
        BuiltIn::OdooBackup => odoo_backup::run(host).await,
    }
}
