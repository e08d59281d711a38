//! The life of one container: made, started, waited for, stopped, removed.

use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerState, ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior};

use super::body::{create_body, refuse_engine_socket};
use super::errors::Doing;
use super::{Docker, Link, Patience};
use crate::container::{ContainerError, ContainerExit, ContainerSpec, MountSource};

/// Exit code of a process that SIGKILL ended.
const SIGKILLED: i64 = 137;
/// How much later than a container's end the news may come that its memory was the cause.
const NEWS_DELAY: Duration = Duration::from_secs(1);

impl Docker {
    pub(super) async fn create_container(&self, spec: &ContainerSpec) -> Result<String, ContainerError> {
        let body = create_body(spec)?;
        let link = self.link().await?;
        for mount in &spec.mounts {
            match &mount.source {
                // The engine would silently make a missing volume, without our labels.
                MountSource::Volume(name) => {
                    let look = link.client.inspect_volume(name);
                    match link.call(Doing::Call, "GET /volumes", look).await {
                        Err(ContainerError::NotFound(_)) => {
                            return Err(ContainerError::VolumeMissing(name.clone()));
                        }
                        found => found?,
                    };
                }
                MountSource::Host(path) => {
                    if let Ok(real) = tokio::fs::canonicalize(Path::new(path)).await {
                        refuse_engine_socket(&real, self.address.socket())?;
                    }
                }
                MountSource::Tmpfs(_) => {}
            }
        }
        let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let create = link.client.create_container(Some(options), body);
        Ok(link.call(Doing::Create(&spec.image), "POST /containers/create", create).await?.id)
    }

    pub(super) async fn container_health(&self, id: &str) -> Result<Option<bool>, ContainerError> {
        let state = self.link().await?.state(id).await?;
        let running = state.running.unwrap_or(false);
        Ok(match state.health.and_then(|health| health.status) {
            None | Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) => None,
            Some(HealthStatusEnum::HEALTHY) => Some(running),
            Some(HealthStatusEnum::STARTING | HealthStatusEnum::UNHEALTHY) => Some(false),
        })
    }

    pub(super) async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), ContainerError> {
        let link = self.link().await?;
        // Not every engine stops what is paused (a slow reader's container may be).
        link.unpause(id).await?;
        let grace_secs = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace_secs).build();
        let limit = link.limits.call + grace;
        let client = link.client.clone().with_timeout(limit);
        let stop = super::within(
            limit,
            Doing::Call,
            "POST /containers/stop",
            client.stop_container(id, Some(options)),
        );
        match stop.await {
            Ok(()) => {}
            Err(ContainerError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        // Seen with engines under load: `stop` is done and the container still runs.
        match link.state(id).await {
            Ok(state) if state.running == Some(true) => {
                let kill = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
                gone_is_fine(
                    link.call(
                        Doing::Call,
                        "POST /containers/kill",
                        link.client.kill_container(id, Some(kill)),
                    )
                    .await,
                )
            }
            Ok(_) => Ok(()),
            Err(error) => gone_is_fine(Err(error)),
        }
    }

    pub(super) async fn remove_container(&self, id: &str) -> Result<(), ContainerError> {
        let link = self.link().await?;
        let deadline = Instant::now() + link.limits.call;
        loop {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let remove = link.client.remove_container(id, Some(options));
            match link.call(Doing::Call, "DELETE /containers", remove).await {
                Ok(()) | Err(ContainerError::NotFound(_)) => return Ok(()),
                // Somebody else's removal is under way: wait until it is gone.
                Err(ContainerError::Engine(message))
                    if message.contains("already in progress") && Instant::now() < deadline =>
                {
                    tokio::time::sleep(link.limits.poll / 10).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Link {
    /// Waits for a container's end: the engine's `wait` tells at once, `inspect` beside it tells also
    /// when that connection has died unseen (moby #27987, docker/for-linux #761).
    pub(super) async fn wait_for_end(&self, id: &str) -> Result<ContainerExit, ContainerError> {
        let mut patience = Patience::new(self.limits.patience);
        let mut engine_was_gone = false;
        let mut killed_at = None;
        let mut told = self.told_of_end(id);
        let mut ticks = tokio::time::interval(self.limits.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let listening = told.is_some();
            tokio::select! {
                heard = async { match told.as_mut() { Some(told) => told.await, None => Heard::Nothing } }, if listening => {
                    told = None;
                    engine_was_gone |= heard == Heard::ConnectionLost;
                }
                _ = ticks.tick() => {}
            }
            match self.state(id).await {
                Ok(state) => match end_of(&state) {
                    Some(_) if engine_was_gone => {
                        return Err(ContainerError::EngineGone(
                            "it was restarted, and the container ended meanwhile".to_owned(),
                        ));
                    }
                    // The news of a memory kill may come after that of the end.
                    Some(exit)
                        if exit.code == SIGKILLED
                            && !exit.oom_killed
                            && killed_at.get_or_insert_with(Instant::now).elapsed() < NEWS_DELAY => {}
                    Some(exit) => return Ok(exit),
                    None if state.status == Some(ContainerStateStatusEnum::CREATED) => {
                        return Err(ContainerError::Engine(format!("container {id} was never started")));
                    }
                    // It runs: whatever happened to the engine, the container outlived it.
                    None => {
                        patience.renew();
                        engine_was_gone = false;
                    }
                },
                Err(error @ ContainerError::EngineGone(_)) => {
                    engine_was_gone = true;
                    if let Some(error) = patience.lose(error) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Resolves when the engine says that the container ended, or can say nothing more.
    fn told_of_end(&self, id: &str) -> Option<std::pin::Pin<Box<dyn Future<Output = Heard> + Send>>> {
        let (client, id) = (self.patient(), id.to_owned());
        Some(Box::pin(async move {
            let mut answers = std::pin::pin!(client.wait_container(&id, None));
            match answers.next().await {
                Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Heard::Ended,
                Some(Err(Error::DockerResponseServerError { .. })) => Heard::Nothing,
                Some(Err(_)) | None => Heard::ConnectionLost,
            }
        }))
    }

    pub(super) async fn state(&self, id: &str) -> Result<ContainerState, ContainerError> {
        let inspect = self.client.inspect_container(id, None);
        let answer = self.call(Doing::Call, "GET /containers/json", inspect).await?;
        answer.state.ok_or_else(|| ContainerError::Engine(format!("container {id} has no state")))
    }
}

/// What the `wait` call brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Ended,
    Nothing,
    ConnectionLost,
}

/// The exit, if the state is that of a container which has ended.
fn end_of(state: &ContainerState) -> Option<ContainerExit> {
    match state.status {
        Some(
            ContainerStateStatusEnum::EXITED
            | ContainerStateStatusEnum::DEAD
            | ContainerStateStatusEnum::REMOVING,
        ) => Some(ContainerExit {
            code: state.exit_code.unwrap_or(-1),
            oom_killed: state.oom_killed.unwrap_or(false),
        }),
        Some(
            ContainerStateStatusEnum::EMPTY
            | ContainerStateStatusEnum::CREATED
            | ContainerStateStatusEnum::RUNNING
            | ContainerStateStatusEnum::PAUSED
            | ContainerStateStatusEnum::RESTARTING
            | ContainerStateStatusEnum::STOPPING,
        )
        | None => None,
    }
}

fn gone_is_fine(result: Result<(), ContainerError>) -> Result<(), ContainerError> {
    match result {
        Err(ContainerError::NotFound(_)) => Ok(()),
        // "is not running"
        Err(ContainerError::Engine(message)) if message.contains("not running") => Ok(()),
        other => other,
    }
}
