//! How runs end: success and every failure class, what is recorded, and that nothing stays behind.

use odooops::container::fake::{Call, Script};
use odooops::container::{ContainerError, NetworkMode};
use odooops::contract::EnqueueOptions;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, one_step};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_succeeds_and_leaves_its_log_its_steps_and_nothing_on_the_engine() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("one\ntwo").stderr("three\n"));
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;

    let run = stage.until(run_id, "succeeded").await;

    assert_eq!((&run["exit_code"], &run["failure_reason"]), (&json!(0), &json!(null)));
    assert_eq!(stage.steps(run_id).await, [(1, "build".to_owned(), "succeeded".to_owned())]);
    let mut lines = stage.lines(run_id).await;
    lines.sort();
    assert_eq!(lines, ["build: one", "build: three", "build: two"]);
    worker.drained().await;
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_of_a_step_reach_the_result_and_later_steps_run_in_the_same_workspace() {
    let stage = Stage::new().await;
    stage.engine.script("first", Script::new().leaves("/odooops/output.json", r#"{"image":"x:1"}"#));
    stage.engine.script("second", Script::new().leaves("/odooops/output.json", r#"{"size":3}"#));
    let definition = json!({ "steps": [
        { "name": "first", "image": "tool:1" },
        { "name": "second", "image": "tool:1", "shell": "echo", "network": "none" },
    ]});
    let run_id = stage.queue(definition).await;
    let _worker = stage.worker().await;

    let run = stage.until(run_id, "succeeded").await;

    assert_eq!(run["result"], json!({ "image": "x:1", "size": 3 }));
    let (first, second) =
        (stage.engine.spec_of("first").expect("ran"), stage.engine.spec_of("second").expect("ran"));
    assert_eq!(first.mounts, second.mounts);
    assert_eq!(first.network, NetworkMode::Named(format!("odooops-{run_id}-1")));
    assert_eq!(second.network, NetworkMode::None);
    assert_eq!(second.entrypoint.expect("a shell")[0], "/bin/sh");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_the_users_fault_and_is_not_tried_again() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stderr("no rule\n").exits(2));
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;

    let run = stage.until(run_id, "failed").await;

    assert_eq!((&run["failure_reason"], &run["exit_code"]), (&json!("user"), &json!(2)));
    assert_eq!(run["error_message"], "step build exited with code 2");
    worker.drained().await;
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn later_steps_run_or_are_skipped_by_their_when() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().exits(1));
    let definition = json!({ "steps": [
        { "name": "build", "image": "tool:1" },
        { "name": "deploy", "image": "tool:1" },
        { "name": "tell", "image": "tool:1", "when": "failure" },
        { "name": "tidy", "image": "tool:1", "when": "always" },
    ]});
    let run_id = stage.queue(definition).await;
    let _worker = stage.worker().await;
    stage.until(run_id, "failed").await;
    let statuses: Vec<String> =
        stage.steps(run_id).await.into_iter().map(|(_, step, status)| format!("{step} {status}")).collect();
    assert_eq!(statuses, ["build failed", "deploy skipped", "tell succeeded", "tidy succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_step_is_tried_again_within_the_attempt() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().exits(1));
    stage.engine.script("build-try2", Script::new());
    let definition = json!({ "steps": [{ "name": "build", "image": "tool:1", "retry": { "user": 2 } }] });
    let run_id = stage.queue(definition).await;
    let _worker = stage.worker().await;
    let run = stage.until(run_id, "succeeded").await;
    assert_eq!(run["attempt"], 1);
    assert_eq!(stage.engine.started().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_over_its_memory_limit_is_the_users_fault_and_the_message_names_the_limit() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().runs_out_of_memory());
    let definition =
        json!({ "steps": [{ "name": "build", "image": "tool:1", "limits": { "memory_mb": 64 } }] });
    let run_id = stage.queue(definition).await;
    let _worker = stage.worker().await;
    let run = stage.until(run_id, "failed").await;
    assert_eq!((&run["failure_reason"], &run["exit_code"]), (&json!("user"), &json!(137)));
    assert!(run["error_message"].as_str().expect("a message").contains("64 MiB"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_out_of_memory_is_infrastructure() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().runs_out_of_memory());
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    let run = requeued(&stage, run_id).await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_over_its_time_limit_is_stopped_and_the_run_fails_as_timeout() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("working\n").forever());
    let definition = json!({ "steps": [{ "name": "build", "image": "tool:1", "timeout_secs": 1 }] });
    let run_id = stage.queue(definition).await;
    let mut worker = stage.worker().await;
    let run = stage.until(run_id, "failed").await;
    assert_eq!(run["failure_reason"], "timeout");
    assert_eq!(run["error_message"], "step build passed its time limit of 1 s");
    assert_eq!(stage.engine.stopped().len(), 1);
    worker.drained().await;
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_its_time_limit_ends_with_whatever_step_it_is_in() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().forever().ignores_sigterm());
    let options = EnqueueOptions { timeout_secs: Some(1), ..EnqueueOptions::default() };
    let definition = json!({ "steps": [
        { "name": "build", "image": "tool:1" },
        { "name": "tidy", "image": "tool:1", "when": "always" },
    ]});
    let run_id = stage.queue_with(definition, json!({}), options).await;
    let _worker = stage.worker().await;
    let run = stage.until(run_id, "failed").await;
    assert_eq!(run["failure_reason"], "timeout");
    assert_eq!(stage.engine.started().len(), 1, "nothing starts after the run's own time limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_run_is_stopped_and_completed_as_canceled() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("working\n").forever());
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;
    stage.engine.until_started("build").await;
    stage.operator.cancel_run(run_id, "not needed").await.expect("a cancel request");
    let run = stage.until(run_id, "canceled").await;
    assert_eq!(run["attempt"], 1);
    assert_eq!(stage.lines(run_id).await[0], "build: working");
    worker.drained().await;
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_0_that_was_there_before_the_cancel_request_stays_a_success() {
    let stage = Stage::new().await;
    let told = CancellationToken::new();
    stage.engine.script("build", Script::new().until(&told));
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    stage.engine.until_started("build").await;
    told.cancel();
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_definition_asks_for_and_cannot_have_is_invalid_with_a_message() {
    let cases = [
        (json!({ "name": "s", "image": "gone:1" }), "gone:1"),
        (json!({ "name": "s", "image": "tool:1", "secrets": ["NO_SUCH"] }), "NO_SUCH"),
        (json!({ "name": "s", "image": "tool:1", "network": "company" }), "company"),
    ];
    for (step, named) in cases {
        let stage = Stage::new().await;
        stage.engine.without_image("gone:1");
        let run_id = stage.queue(json!({ "steps": [step] })).await;
        let mut worker = stage.worker().await;
        let run = stage.until(run_id, "failed").await;
        assert_eq!(run["failure_reason"], "invalid", "{run}");
        assert!(run["error_message"].as_str().expect("a message").contains(named), "{run}");
        worker.drained().await;
        assert_eq!(stage.left_over(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_fails_under_a_step_is_infrastructure_and_the_run_is_queued_again() {
    let cases = [
        (
            Call::EnsureImage,
            ContainerError::RegistryUnreachable { image: "tool:1".to_owned(), reason: "no route".to_owned() },
        ),
        (Call::CreateVolume, ContainerError::DiskFull("/var/lib/docker".to_owned())),
        (Call::Create, ContainerError::Engine("500".to_owned())),
        (Call::Start, ContainerError::EngineGone("reset".to_owned())),
        (Call::Wait, ContainerError::EngineGone("reset".to_owned())),
    ];
    for (call, error) in cases {
        let stage = Stage::new().await;
        stage.engine.fail_next(call, error);
        let run_id = stage.queue(one_step()).await;
        let mut worker = stage.worker().await;
        let run = requeued(&stage, run_id).await;
        assert_eq!(
            (&run["infra_attempts"], &run["failed_attempts"]),
            (&json!(1), &json!(0)),
            "{call:?}: {run}"
        );
        worker.drained().await;
        assert_eq!(stage.left_over(), [], "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_inside_the_worker_is_infrastructure_and_leaves_nothing_behind() {
    let stage = Stage::new().await;
    stage.engine.script_where(
        |spec| {
            assert!(!spec.name.contains("-1-build"), "a bug in the worker");
            false
        },
        Script::new(),
    );
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;
    let run = requeued(&stage, run_id).await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)));
    worker.drained().await;
    assert_eq!(stage.left_over(), []);
}

/// Waits until the first attempt has ended and the run waits for the next.
async fn requeued(stage: &Stage, run_id: odooops::contract::RunId) -> serde_json::Value {
    crate::support::signals::wait_until("the run is queued again", async || {
        let run = stage.run(run_id).await;
        (run["status"] == "queued" && run["attempt"] == 1).then_some(run)
    })
    .await
}
