//! One try of one step: its time limit, its container or built-in action, its services and artifacts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::action::{self, Fault, Level, Outputs};
use crate::container::{self, ContainerExit, ContainerSpec, Mount, MountSource, NetworkMode, RegistryAuth};
use crate::workflow::{BuiltIn, Command, Network, Step, StepRun, Workflow};

use super::artifacts;
use super::desk::{Desk, stop_fault, unless_stopped};
use super::environment::{input_variables, run_facts};
use super::files;
use super::fitness::full_message;
use super::host::ActionHost;
use super::output::{End, FollowError, Outlet, follow};
use super::services::Services;
use super::stop::{StopCause, StopSignal};

/// Why a try of a step did not succeed.
#[derive(Debug)]
pub(super) struct StepFailure {
    pub(super) fault: Fault,
    pub(super) stopped: Option<StopCause>,
}

/// What everything within a step needs to know.
pub(super) struct Frame<'a> {
    pub(super) desk: &'a Arc<Desk>,
    pub(super) step: &'a Step,
    /// The step's name, shared with its log lines.
    pub(super) label: Arc<str>,
    /// Which try of the step in this attempt, from 1.
    pub(super) nth_try: usize,
    pub(super) env: BTreeMap<String, String>,
    pub(super) outputs: &'a Outputs,
    pub(super) stop: StopSignal,
    /// What to say when the stop was a time limit.
    pub(super) limit: String,
}

/// Runs one try of a step to its end and gives what it gave out.
pub(super) async fn run_step(
    desk: &Arc<Desk>,
    workflow: &Workflow,
    step: &Step,
    outputs: &Outputs,
    nth_try: usize,
) -> Result<Outputs, StepFailure> {
    let stop = desk.lease.stop.child();
    let limit = match step.timeout_secs {
        Some(secs) => format!("step {} passed its time limit of {secs} s", step.name),
        None => format!("the run passed its time limit in step {}", step.name),
    };
    let mut env = workflow.env.clone();
    env.extend(step.env.clone());
    let label = Arc::from(step.name.as_str());
    let frame = Frame { desk, step, label, nth_try, env, outputs, stop: stop.clone(), limit };
    let timer = async {
        match step.timeout_secs {
            Some(secs) => tokio::time::sleep(Duration::from_secs(u64::from(secs))).await,
            None => std::future::pending().await,
        }
        stop.fire(StopCause::TimedOut);
        std::future::pending().await
    };
    let done = tokio::select! {
        done = frame.run() => done,
        done = timer => done,
    };
    done.map_err(|fault| {
        if matches!(fault, Fault::Infra(_)) {
            desk.kit.engine_suspect.notify_one();
        }
        StepFailure { fault, stopped: stop.cause() }
    })
}

impl Frame<'_> {
    async fn run(mut self) -> Result<Outputs, Fault> {
        let secrets = self.desk.secrets(&self.step.secrets, &self.step.name)?;
        self.env.extend(secrets);
        match &self.step.run {
            StepRun::Action { uses } => self.run_action(*uses).await,
            StepRun::Container { image, command } => self.run_container(image, command).await,
        }
    }

    async fn run_action(self, uses: BuiltIn) -> Result<Outputs, Fault> {
        action::run(uses, &ActionHost::new(&self)).await
    }

    async fn run_container(self, image: &str, command: &Command) -> Result<Outputs, Fault> {
        let network = self.network().await?;
        let image = self.pull(image).await?;
        let services = Services::start(&self).await?;
        let spec = self.spec(image, command, network);
        let done = self.execute(&spec).await;
        services.end().await;
        done
    }

    async fn execute(&self, spec: &ContainerSpec) -> Result<Outputs, Fault> {
        let engine = &*self.desk.kit.engine;
        let id = self.bounded(engine.create(spec)).await?;
        let done = self.execute_created(&id, spec).await;
        if let Err(error) = engine.remove(&id).await {
            tracing::warn!(container = id, %error, "the container stays until the clean-up");
        }
        done
    }

    async fn execute_created(&self, id: &str, spec: &ContainerSpec) -> Result<Outputs, Fault> {
        let engine = &*self.desk.kit.engine;
        self.bounded(files::upload(engine, id, &self.desk.input())).await?;
        let logs = &self.desk.logs;
        let outlet = Outlet {
            logs: logs.clone(),
            stdout: Some(logs.stream(Some(&self.label))),
            stderr: logs.stream(Some(&self.label)),
            tap: None,
        };
        let ended = follow(engine, id, outlet, &self.stop, self.desk.kit.settings.cancel_grace).await;
        let judged = match ended {
            Ok(End::Exited(exit) | End::Torn(exit)) => self.judge(exit, spec).await,
            Ok(End::Stopped(cause)) => Err(stop_fault(cause, &self.limit)),
            Err(FollowError::Engine(error)) => Err(Fault::from(&error)),
            Err(FollowError::Step(fault)) => Err(fault),
        };
        let outputs = match judged {
            Ok(()) => files::download_output(engine, id, &self.step.name).await,
            Err(fault) => Err(fault),
        };
        self.keep_artifacts(id, outputs).await
    }

    /// Artifacts are kept also when the step failed; its own fault then outranks theirs.
    async fn keep_artifacts(&self, id: &str, outputs: Result<Outputs, Fault>) -> Result<Outputs, Fault> {
        if self.step.artifacts.is_empty() || self.desk.lease.stop.cause().is_some() {
            return outputs;
        }
        // The next try leaves files of the same names.
        if matches!(outputs, Err(Fault::User { .. })) && self.nth_try <= self.step.retry.user as usize {
            return outputs;
        }
        let kept = artifacts::keep(self.desk, &self.label, id, &self.step.artifacts).await;
        match (outputs, kept) {
            (Ok(outputs), kept) => kept.map(|()| outputs),
            (Err(fault), Ok(())) => Err(fault),
            (Err(fault), Err(second)) => {
                self.say(Level::Warning, &format!("artifacts were not kept: {second}")).await?;
                Err(fault)
            }
        }
    }

    /// Success, or whose fault the exit is: decided from what we saw, not from what was printed.
    async fn judge(&self, exit: ContainerExit, spec: &ContainerSpec) -> Result<(), Fault> {
        let name = &self.step.name;
        if exit.code == 0 {
            if exit.oom_killed {
                let message =
                    "the kernel killed a process of this step for its memory, but the step ended well";
                self.say(Level::Warning, message).await?;
            }
            return Ok(());
        }
        let exit_code = i32::try_from(exit.code).unwrap_or(1);
        match (exit.oom_killed, spec.limits.memory_bytes) {
            (true, Some(limit)) => {
                let message = format!(
                    "step {name} was killed: it used more memory than its limit of {} MiB; raise limits.memory_mb or use less",
                    limit >> 20
                );
                Err(Fault::User { exit_code, message })
            }
            (true, None) => {
                Err(Fault::Infra(format!("step {name} was killed: the machine ran out of memory")))
            }
            (false, _) => match self.full_disk().await {
                Some(full) => {
                    Err(Fault::Infra(format!("step {name} exited with code {exit_code} while {full}")))
                }
                None => Err(Fault::User {
                    exit_code,
                    message: format!("step {name} exited with code {exit_code}"),
                }),
            },
        }
    }

    /// What to say when the engine's disk (and so every workspace on it) is full.
    async fn full_disk(&self) -> Option<String> {
        let space = self.desk.kit.engine.engine().await.ok()?.disk?;
        space.is_full().then(|| full_message(space))
    }

    fn spec(&self, image: String, command: &Command, network: NetworkMode) -> ContainerSpec {
        let (entrypoint, command) = argv(command);
        let input = self.desk.input();
        let mut env = self.env.clone();
        env.extend(input_variables(&input));
        env.extend(run_facts(&self.desk.run, &self.step.name));
        let mut name = format!("{}-{}", self.desk.name, self.step.name);
        if self.nth_try > 1 {
            name = format!("{name}-try{}", self.nth_try);
        }
        ContainerSpec {
            name,
            image,
            entrypoint,
            command,
            env,
            workdir: Some(action::WORKSPACE.to_owned()),
            user: None,
            mounts: vec![self.workspace()],
            network,
            network_aliases: vec![self.step.name.clone()],
            limits: limits(self.step.limits),
            labels: self.desk.labels.clone(),
        }
    }

    fn workspace(&self) -> Mount {
        Mount {
            source: MountSource::Volume(self.desk.name.clone()),
            target: action::WORKSPACE.to_owned(),
            read_only: false,
        }
    }

    async fn network(&self) -> Result<NetworkMode, Fault> {
        match &self.step.network {
            Network::None => Ok(NetworkMode::None),
            Network::Run => Ok(NetworkMode::Named(self.desk.run_network().await?)),
            // Ours belong to one run each, whatever a setting says.
            Network::Named(name)
                if !name.starts_with("odooops-")
                    && self.desk.kit.settings.allowed_networks.contains(name) =>
            {
                Ok(NetworkMode::Named(name.clone()))
            }
            Network::Named(name) => Err(Fault::Invalid(format!(
                "step {}: network {name} is not among those that this worker allows (ODOOOPS_WORKER_NETWORKS)",
                self.step.name
            ))),
        }
    }

    /// Makes sure that the image is there; gives its id, so that exactly this image runs.
    pub(super) async fn pull(&self, name: &str) -> Result<String, Fault> {
        let image = self.desk.image(name);
        let auth = self.registry_auth(image);
        let found = self.bounded(self.desk.kit.engine.ensure_image(image, auth)).await?;
        Ok(found.id)
    }

    /// The login for the registry of an image, where the worker has one.
    pub(super) fn registry_auth(&self, image: &str) -> Option<&RegistryAuth> {
        self.desk.kit.settings.registry_auth.get(registry_host(image))
    }

    /// A call to the engine, given up when the step must stop.
    pub(super) async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, container::ContainerError>>,
    ) -> Result<T, Fault> {
        self.unless_stopped(async { call.await.map_err(|error| Fault::from(&error)) }).await
    }

    /// Work that is given up when the step must stop.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        unless_stopped(&self.stop, &self.limit, work).await
    }

    pub(super) async fn say(&self, level: Level, message: &str) -> Result<(), Fault> {
        self.desk.say(Some(&self.label), level, message).await
    }
}

/// Entrypoint and command of a container: `command` and `shell` replace both, neither keeps both.
fn argv(command: &Command) -> (Option<Vec<String>>, Option<Vec<String>>) {
    match command {
        Command::ImageDefault => (None, None),
        Command::Argv(argv) => {
            (Some(argv.iter().take(1).cloned().collect()), Some(argv.iter().skip(1).cloned().collect()))
        }
        Command::Shell(script) => {
            let shell = ["/bin/sh", "-e", "-c"].map(str::to_owned);
            (Some(shell.to_vec()), Some(vec![script.clone()]))
        }
    }
}

/// Limits of a definition as the engine takes them.
pub(super) fn limits(asked: crate::workflow::Limits) -> container::Limits {
    let default = container::Limits::default();
    container::Limits {
        cpus: asked.cpus.or(default.cpus),
        memory_bytes: asked.memory_mb.map(|mb| u64::from(mb) << 20).or(default.memory_bytes),
        pids: asked.pids.unwrap_or(default.pids),
    }
}

/// The registry in an image reference, as logins name it.
fn registry_host(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        Some(_) | None => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_replaces_what_the_image_would_run() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(argv(&Command::ImageDefault), (None, None));
        assert_eq!(
            argv(&Command::Argv(words(&["odoo", "--version"]))),
            (Some(words(&["odoo"])), Some(words(&["--version"])))
        );
        assert_eq!(
            argv(&Command::Shell("exit 3".to_owned())),
            (Some(words(&["/bin/sh", "-e", "-c"])), Some(words(&["exit 3"])))
        );
    }

    #[test]
    fn the_registry_of_an_image_is_its_first_part_when_that_is_a_host() {
        let cases = [
            ("odoo:18.0", "docker.io"),
            ("library/odoo", "docker.io"),
            ("ghcr.io/oca/odoo:18", "ghcr.io"),
            ("localhost:5000/x@sha256:00", "localhost:5000"),
            ("localhost/x", "localhost"),
        ];
        for (image, host) in cases {
            assert_eq!(registry_host(image), host, "{image}");
        }
    }
}
