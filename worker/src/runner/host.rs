//! What a built-in step may do in the world: the runner's side of [`Host`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Map;
use tokio_util::sync::CancellationToken;

use crate::action::{Fault, Git, Host, Level, OutputTap, Redacting, RunContext};
use crate::container::{ByteReader, ContainerError, ContainerExit, ContainerSpec, Containers, RegistryAuth};
use crate::store::Stored;

use super::artifacts;
use super::desk::stop_fault;
use super::output::{End, FollowError, Outlet, follow};
use super::redact::RedactStream;
use super::step::{Frame, limits};

/// A step's access to engine, log and store.
pub(super) struct ActionHost<'a> {
    frame: &'a Frame<'a>,
    context: RunContext,
}

impl<'a> ActionHost<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let run = &frame.desk.run;
        let context = RunContext {
            labels: frame.desk.labels.clone(),
            project: run.project_slug.clone(),
            repo_url: run.repo_url.clone(),
            odoo_version: run.odoo_version.clone(),
            settings: run.project_settings.as_object().cloned().unwrap_or_else(Map::new),
            git_ref: run.git_ref.clone().or_else(|| run.default_branch.clone()),
            commit_sha: run.commit_sha.clone(),
            input: frame.desk.input(),
            outputs: frame.outputs.clone(),
            step: frame.step.name.clone(),
            with: frame.step.with.clone(),
            env: frame.env.clone().into_iter().collect::<BTreeMap<_, _>>(),
            limits: limits(frame.step.limits),
            odoo: frame.desk.kit.settings.odoo.clone(),
        };
        Self { frame, context }
    }
}

impl Redacting for RedactStream {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        RedactStream::push(self, bytes, out);
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) {
        RedactStream::finish(*self, out);
    }
}

#[async_trait]
impl Host for ActionHost<'_> {
    fn run(&self) -> &RunContext {
        &self.context
    }

    fn containers(&self) -> &dyn Containers {
        &*self.frame.desk.kit.engine
    }

    fn registry_auth(&self, image: &str) -> Option<&RegistryAuth> {
        self.frame.registry_auth(image)
    }

    fn git(&self) -> &Git {
        &self.frame.desk.kit.settings.git
    }

    fn stop_token(&self) -> &CancellationToken {
        self.frame.stop.token()
    }

    async fn run_container(
        &self,
        mut spec: ContainerSpec,
        tap: Option<&mut dyn OutputTap>,
        tap_takes_stdout: bool,
    ) -> Result<ContainerExit, Fault> {
        spec.labels = self.frame.desk.labels.clone();
        let (frame, engine) = (self.frame, &*self.frame.desk.kit.engine);
        let stream = || frame.desk.logs.stream(Some(&frame.label));
        let logs = frame.desk.logs.clone();
        let outlet = Outlet { logs, stdout: (!tap_takes_stdout).then(stream), stderr: stream(), tap };
        let created = frame.unless_stopped(async { Ok(engine.create(&spec).await) }).await?;
        let id = created.map_err(|error| fault_of_create(&error, self.context.odoo.data_dir.as_deref()))?;
        let ended = follow(engine, &id, outlet, &frame.stop, frame.desk.kit.settings.cancel_grace).await;
        if let Err(error) = engine.remove(&id).await {
            tracing::warn!(container = id, %error, "the container stays until the clean-up");
        }
        match ended {
            Ok(End::Exited(exit)) => Ok(exit),
            Ok(End::Torn(exit)) => judge_torn(exit, &frame.step.name),
            Ok(End::Stopped(cause)) => Err(stop_fault(cause, &frame.limit)),
            Err(FollowError::Engine(error)) => Err(Fault::from(&error)),
            Err(FollowError::Step(fault)) => Err(fault),
        }
    }

    async fn log(&self, level: Level, message: &str) -> Result<(), Fault> {
        self.frame.say(level, message).await
    }

    fn redact_stream(&self) -> Box<dyn Redacting> {
        Box::new(self.frame.desk.logs.redact_stream())
    }

    async fn save_artifact(&self, key: &str, content_type: &str, bytes: ByteReader) -> Result<Stored, Fault> {
        let key = self.frame.desk.own_artifact_key(key);
        artifacts::store(self.frame.desk, &key, Some(content_type), bytes).await
    }

    async fn run_network(&self) -> Result<String, Fault> {
        self.frame.desk.run_network().await
    }

    fn workspace_volume(&self) -> &str {
        &self.frame.desk.name
    }
}

/// What Odoo wrote is part of how it is judged: success cannot be read from half of it.
fn judge_torn(exit: ContainerExit, step: &str) -> Result<ContainerExit, Fault> {
    match exit.code {
        0 => Err(Fault::Infra(format!(
            "step {step}: the program ended well, but not all of its output arrived"
        ))),
        _ => Ok(exit),
    }
}

/// A volume that is missing and that a setting names is the setting's fault, and another try no help.
fn fault_of_create(error: &ContainerError, data_dir: Option<&str>) -> Fault {
    let named = data_dir.and_then(|setting| setting.strip_prefix("volume:"));
    match error {
        ContainerError::VolumeMissing(volume) if named == Some(volume) => Fault::Invalid(format!(
            "ODOOOPS_ODOO_DATA names the volume {volume}, which this worker's container engine does not have; \
             name the volume in which Odoo keeps its data_dir"
        )),
        other => Fault::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_volume_that_a_setting_names_is_the_settings_fault() {
        let missing = ContainerError::VolumeMissing("odoo-data".to_owned());
        match fault_of_create(&missing, Some("volume:odoo-data")) {
            Fault::Invalid(message) => assert!(message.contains("ODOOOPS_ODOO_DATA"), "{message}"),
            other => panic!("{other:?}"),
        }
        for data_dir in [None, Some("volume:other"), Some("/odoo-data")] {
            assert!(matches!(fault_of_create(&missing, data_dir), Fault::Infra(_)), "{data_dir:?}");
        }
    }

    #[test]
    fn success_with_half_of_the_output_is_infrastructure_and_a_failure_stays_one() {
        let exit = |code| ContainerExit { code, oom_killed: false };
        assert!(matches!(judge_torn(exit(0), "test"), Err(Fault::Infra(_))));
        assert_eq!(judge_torn(exit(1), "test"), Ok(exit(1)));
    }
}
