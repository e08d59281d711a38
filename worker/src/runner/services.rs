//! Containers beside a step (`services:`): started before it, found by name on the run's network, removed after it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::action::{Fault, Level};
use crate::container::{ContainerSpec, Containers, NetworkMode};
use crate::workflow::Service;

use super::desk::Desk;
use super::output::{End, FollowError, Outlet, follow};
use super::step::{Frame, limits};
use super::stop::{StopCause, StopSignal};

/// How long a service with a health check may take to become healthy.
const HEALTHY_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks at its health.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between SIGTERM and SIGKILL of a service: nobody needs its data.
const GRACE: Duration = Duration::from_secs(1);

/// Services that run.
pub(super) struct Services {
    engine: Arc<dyn Containers>,
    ids: Vec<String>,
    stop: StopSignal,
    followers: JoinSet<()>,
}

impl Services {
    /// Starts the step's services in their order and waits for those with a health check.
    pub(super) async fn start(frame: &Frame<'_>) -> Result<Self, Fault> {
        let mut services = Self {
            engine: Arc::clone(&frame.desk.kit.engine),
            ids: Vec::new(),
            stop: frame.desk.lease.stop.child(),
            followers: JoinSet::new(),
        };
        for service in &frame.step.services {
            if let Err(fault) = services.start_one(frame, service).await {
                services.end().await;
                return Err(fault);
            }
        }
        Ok(services)
    }

    async fn start_one(&mut self, frame: &Frame<'_>, service: &Service) -> Result<(), Fault> {
        let desk = frame.desk;
        let mut env = service.env.clone();
        env.extend(desk.secrets(&service.secrets, &frame.step.name)?);
        let network = NetworkMode::Named(desk.run_network().await?);
        let image = frame.pull(&service.image).await?;
        let spec = ContainerSpec {
            name: format!("{}-{}-{}-{}", desk.name, frame.step.name, frame.nth_try, service.name),
            image,
            // A service's image prepares itself in its entrypoint (a database makes its files there).
            entrypoint: None,
            command: service.command.clone(),
            env,
            workdir: None,
            user: None,
            mounts: Vec::new(),
            network,
            network_aliases: vec![service.name.clone()],
            limits: limits(service.limits),
            labels: desk.labels.clone(),
        };
        let id = frame.bounded(self.engine.create(&spec)).await?;
        self.ids.push(id.clone());
        let ended = StopSignal::new();
        self.followers.spawn(follow_service(
            Arc::clone(desk),
            format!("{}/{}", frame.step.name, service.name).into(),
            id.clone(),
            self.stop.clone(),
            ended.clone(),
        ));
        self.wait_until_healthy(frame, service, &id, &ended).await
    }

    async fn wait_until_healthy(
        &self,
        frame: &Frame<'_>,
        service: &Service,
        id: &str,
        ended: &StopSignal,
    ) -> Result<(), Fault> {
        let name = &service.name;
        let until = Instant::now() + HEALTHY_WITHIN;
        loop {
            // `None`: it has no health check, so being started is all that can be asked.
            match frame.bounded(self.engine.healthy(id)).await? {
                None | Some(true) => return Ok(()),
                Some(false) if Instant::now() > until => {
                    return Err(Fault::User {
                        exit_code: 1,
                        message: format!(
                            "service {name} did not become healthy within {} s",
                            HEALTHY_WITHIN.as_secs()
                        ),
                    });
                }
                Some(false) => {}
            }
            tokio::select! {
                _cause = ended.fired() => {
                    let message = format!("service {name} ended before it was healthy; its lines in the log say why");
                    return Err(Fault::User { exit_code: 1, message });
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Stops and removes them; their last lines still reach the log.
    pub(super) async fn end(mut self) {
        self.stop.fire(StopCause::Shutdown);
        while let Some(ended) = self.followers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "following a service failed");
            }
        }
        for id in &self.ids {
            if let Err(error) = self.engine.remove(id).await {
                tracing::warn!(container = id, %error, "a service stays until the clean-up");
            }
        }
    }
}

async fn follow_service(desk: Arc<Desk>, label: Arc<str>, id: String, stop: StopSignal, ended: StopSignal) {
    let outlet = Outlet {
        logs: desk.logs.clone(),
        stdout: Some(desk.logs.stream(Some(&label))),
        stderr: desk.logs.stream(Some(&label)),
        tap: None,
    };
    let message = match follow(&*desk.kit.engine, &id, outlet, &stop, GRACE).await {
        Ok(End::Stopped(_)) => None,
        Ok(End::Exited(exit) | End::Torn(exit)) => {
            Some(format!("the service exited with code {}", exit.code))
        }
        Err(FollowError::Engine(error)) => Some(format!("the service is lost: {error}")),
        Err(FollowError::Step(fault)) => Some(format!("the service is lost: {fault}")),
    };
    if let Some(message) = message {
        drop(desk.say(Some(&label), Level::Warning, &message).await);
        ended.fire(StopCause::Shutdown);
    }
}
