//! One attempt of a run, as everything that works on it sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Keys of artifacts that built-in steps used in this attempt.
    artifact_keys: Mutex<BTreeSet<String>>,
}

impl Desk {
    pub(super) fn new(kit: Arc<Kit>, run: ClaimedRun, lease: Lease, labels: Labels, logs: LogSender) -> Self {
        let name = format!("odooops-{}-{}", run.id, run.attempt);
        let (network, artifact_keys) = (OnceCell::new(), Mutex::default());
        Self { kit, run, lease, labels, logs, name, network, artifact_keys }
    }

    /// The artifact key for a built-in step: the second try or step gets `test/odoo-2.log`, so that what
    /// was recorded is never overwritten.
    pub(super) fn own_artifact_key(&self, key: &str) -> String {
        let mut taken = self.artifact_keys.lock().unwrap_or_else(PoisonError::into_inner);
        free_key(&mut taken, key)
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

/// The key, or the first of its numbered kind that is not taken; taken from now on.
fn free_key(taken: &mut BTreeSet<String>, key: &str) -> String {
    let file = key.rfind('/').map_or(0, |slash| slash + 1);
    let dot = key[file..].rfind('.').map_or(key.len(), |dot| file + dot);
    let (stem, extension) = key.split_at(dot);
    let mut free = key.to_owned();
    let mut number = 1;
    while !taken.insert(free.clone()) {
        number += 1;
        free = format!("{stem}-{number}{extension}");
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_used_is_numbered() {
        let mut taken = BTreeSet::new();
        let keys = ["test/odoo.log", "test/odoo.log", "test/odoo.log", "a.b/c", "a.b/c"];
        let free = keys.map(|key| free_key(&mut taken, key));
        assert_eq!(free, ["test/odoo.log", "test/odoo-2.log", "test/odoo-3.log", "a.b/c", "a.b/c-2"]);
    }
}
