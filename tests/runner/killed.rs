//! `kill -9` of a worker process in a step: the run is claimed again after its lease and finished, and
//! nothing of the first worker is left.

use std::process::Stdio;

use odooops::contract::RunId;
use serde_json::json;
use tokio::process::{Child, Command};

use super::docker::{DockerStage, on_docker, shell};
use crate::support::postgres_roles::Login;
use crate::support::signals::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_a_worker_that_is_killed_in_a_step() {
    on_docker(async |it| {
        let script = r#"if [ "$ODOOOPS_ATTEMPT" = 1 ]; then echo stuck; sleep 600; fi; echo finished"#;
        let run_id = it.stage.queue(json!({ "steps": [shell("test", script)] })).await;
        let mut first = worker(it, "worker-001");
        wait_until("the step runs", async || (it.stage.lines(run_id).await == ["test: stuck"]).then_some(()))
            .await;
        first.kill().await.expect("kill -9");
        let left = it.owned().await;
        assert!(left.len() >= 2, "container and volume are left: {left:?}");

        wait_until("the lease has expired", async || lease_has_expired(it, run_id).await.then_some(())).await;
        let _second = worker(it, "worker-002");
        wait_until("the run is taken from the dead worker", async || {
            (it.stage.run(run_id).await["status"] == "queued").then_some(())
        })
        .await;
        wait_until("nothing of the first attempt is left", async || {
            let first_attempt = |owned: &odooops::container::Owned| {
                owned.labels.as_ref().is_some_and(|labels| labels.attempt == 1)
            };
            (!it.owned().await.iter().any(first_attempt)).then_some(())
        })
        .await;
        // The database's back-off is at least 8 s; the worker wakes by itself when it is over.
        let run = it.stage.until(run_id, "succeeded").await;
        assert_eq!((&run["attempt"], &run["failed_attempts"]), (&json!(2), &json!(1)));
        assert_eq!(it.stage.lines(run_id).await, ["test: finished"]);
        wait_until("nothing is left", async || it.owned().await.is_empty().then_some(())).await;
    })
    .await;
}

async fn lease_has_expired(it: &DockerStage, run_id: RunId) -> bool {
    let sql = "select lease_expires_at < clock_timestamp() from ops.runs where id = $1";
    it.stage.eye.query_one(sql, &[&run_id.0]).await.expect("the run").get(0)
}

/// The built program as a worker with a short lease; killed when dropped.
fn worker(it: &DockerStage, worker_id: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_odooops"));
    command.args(["worker", "--id", worker_id, "--lease-secs", "6", "--health-addr", ""]);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.env("ODOOOPS_WORKER_DATABASE_URL", it.stage.database.login_url(Login::Worker));
    command.env("ODOOOPS_STORE_URL", format!("file://{}", it.stage.store_dir.path().display()));
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        command.env("DOCKER_HOST", host);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the built program starts")
}
