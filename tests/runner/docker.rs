//! A stage with the real engine; whatever a test leaves on it is removed, also when the test fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use odooops::container::docker::{Docker, DockerSettings};
use odooops::container::{Containers, Owned};
use odooops::runner::{Edges, WorkerSettings};
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{Running, Stage, settings};

/// Longest time that any test here may take.
const TEST_LIMIT: Duration = Duration::from_secs(150);

/// A stage, and Docker beside it.
pub(super) struct DockerStage {
    pub(super) stage: Stage,
    pub(super) docker: Arc<Docker>,
    pub(super) instance: Uuid,
}

/// Runs a test body on an engine that was looked at, and clears up behind it.
pub(super) async fn on_docker(body: impl AsyncFnOnce(&DockerStage)) {
    let stage = DockerStage::new().await;
    let body = AssertUnwindSafe(body(&stage)).catch_unwind();
    let outcome = tokio::time::timeout(TEST_LIMIT, body).await;
    stage.clear().await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => panic!("the test did not end within {TEST_LIMIT:?}"),
    }
}

impl DockerStage {
    pub(super) async fn new() -> Self {
        let stage = Stage::new().await;
        let instance =
            stage.eye.query_one("select id from ops.instance", &[]).await.expect("an instance").get(0);
        let docker = Docker::new(&DockerSettings {
            host: std::env::var("DOCKER_HOST").ok(),
            ..DockerSettings::default()
        })
        .expect("DOCKER_HOST");
        docker.engine().await.expect("these tests need Docker: start it, or set DOCKER_HOST");
        let image = docker.find_image(&base_image()).await.expect("image");
        assert!(image.is_some(), "the test image is missing: run tests/fixtures/images/base.sh");
        Self { stage, docker: Arc::new(docker), instance }
    }

    pub(super) async fn edges(&self) -> Edges {
        Edges { containers: Arc::clone(&self.docker) as Arc<dyn Containers>, ..self.stage.edges().await }
    }

    pub(super) async fn worker(&self) -> Running {
        self.worker_with(settings("worker-001")).await
    }

    pub(super) async fn worker_with(&self, settings: WorkerSettings) -> Running {
        Running::start(settings, self.edges().await)
    }

    /// Everything of this control plane on the engine.
    pub(super) async fn owned(&self) -> Vec<Owned> {
        self.docker.list_owned(self.instance).await.expect("a list")
    }

    async fn clear(&self) {
        let mut owned = self.owned().await;
        owned.sort_by_key(|owned| owned.kind);
        for thing in owned {
            self.docker.remove_owned(&thing).await.expect("remove what the test left");
        }
    }
}

/// The image made by `tests/fixtures/images/base.sh`.
pub(super) fn base_image() -> String {
    std::env::var("ODOOOPS_TEST_BASE_IMAGE").unwrap_or_else(|_| "odooops-test/base:bookworm".to_owned())
}

/// A step that runs a shell script in the base image.
pub(super) fn shell(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": base_image(), "shell": script, "network": "none" })
}

/// The same with more keys.
pub(super) fn shell_with(name: &str, script: &str, more: &Value) -> Value {
    let mut step = shell(name, script);
    let keys = more.as_object().expect("keys").clone();
    step.as_object_mut().expect("a step").extend(keys);
    step
}
