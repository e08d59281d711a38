//! One attempt of a run, as everything that works on it sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::action::{Fault, Level};
use crate::container::Labels;
use crate::contract::ClaimedRun;

use super::kit::Kit;
use super::lease::Lease;
use super::logs::LogSender;
use super::stop::{StopCause, StopSignal};

/// An attempt at work.
pub(super) struct Desk {
    pub(super) kit: Arc<Kit>,
    pub(super) run: ClaimedRun,
    pub(super) lease: Lease,
    pub(super) labels: Labels,
    pub(super) logs: LogSender,
    /// `odooops-<run>-<attempt>`: its workspace volume and network, and the beginning of container names.
    pub(super) name: String,
    network: OnceCell<()>,
}

impl Desk {
    pub(super) fn new(kit: Arc<Kit>, run: ClaimedRun, lease: Lease, labels: Labels, logs: LogSender) -> Self {
        let name = format!("odooops-{}-{}", run.id, run.attempt);
        Self { kit, run, lease, labels, logs, name, network: OnceCell::new() }
    }

    /// The run's own network, made on first use.
    pub(super) async fn run_network(&self) -> Result<String, Fault> {
        let make = || async {
            let made = self.kit.engine.create_network(&self.name, &self.labels).await;
            made.map_err(|error| Fault::from(&error))
        };
        self.network.get_or_try_init(make).await?;
        Ok(self.name.clone())
    }

    /// The image that a name in a definition means: a tool's, else the reference itself.
    pub(super) fn image<'a>(&'a self, name: &'a str) -> &'a str {
        self.run.tool_images.get(name).map_or(name, String::as_str)
    }

    /// The run's input; what is no object counts as empty.
    pub(super) fn input(&self) -> Map<String, Value> {
        self.run.input.as_object().cloned().unwrap_or_default()
    }

    /// Values of the named secrets.
    pub(super) fn secrets(&self, names: &[String], step: &str) -> Result<BTreeMap<String, String>, Fault> {
        use secrecy::ExposeSecret as _;
        let known = &self.kit.settings.secrets;
        let find = |name: &String| match known.get(name) {
            Some(value) => Ok((name.clone(), value.expose_secret().to_owned())),
            None => Err(Fault::Invalid(format!(
                "step {step} asks for the secret {name}, which this worker does not have; set ODOOOPS_SECRET_{name} for the worker"
            ))),
        };
        names.iter().map(find).collect()
    }

    /// One line of our own in the run's log.
    pub(super) async fn say(
        &self,
        step: Option<&Arc<str>>,
        level: Level,
        message: &str,
    ) -> Result<(), Fault> {
        self.logs.say(step, level, message).await.map_err(|_closed| log_closed())
    }
}

/// The fault of a step whose log cannot be written any more.
pub(super) fn log_closed() -> Fault {
    Fault::Stopped("the log of this attempt is closed".to_owned())
}

/// The fault of work that was stopped; `limit` says which time limit a timeout means.
pub(super) fn stop_fault(cause: StopCause, limit: &str) -> Fault {
    match cause {
        StopCause::Canceled => Fault::Canceled,
        StopCause::TimedOut => Fault::Timeout(limit.to_owned()),
        StopCause::LeaseLost => Fault::Stopped("the lease was lost".to_owned()),
        StopCause::Shutdown => Fault::Stopped("the worker shuts down".to_owned()),
    }
}

/// Runs `work` unless and until `stop` fires.
pub(super) async fn unless_stopped<T>(
    stop: &StopSignal,
    limit: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        cause = stop.fired() => Err(stop_fault(cause, limit)),
        done = work => done,
    }
}
