//! `retry_run`: once more, as a new run.

use serde_json::{Value, json};
use uuid::Uuid;

use super::member::{from_developer_on, try_as_each_role};
use super::scene::{Claim, Scene, code, refusal, row, run, value};

const RECORD: &str = "select ops.record_step($1, $2, $3, 'succeeded', 0, $4)";

/// A failed run of three steps, the first of which left outputs.
async fn failed_in_the_second_step(scene: &Scene) -> Claim {
    let step = |name: &str| json!({ "name": name, "image": "x", "shell": "true" });
    let definition = json!({ "steps": [step("one"), step("two"), step("three")] });
    run(&scene.operator, "select ops.put_workflow('acme', 'three', $1)", &[&definition]).await;
    run(&scene.operator, "select ops.enqueue_run('acme', 'three', 'main')", &[]).await;
    let claim = scene.claim().await;
    scene.start(claim).await;
    let outputs = json!({ "outputs": { "image": "y" } });
    run(&scene.worker, RECORD, &[&claim.id, &claim.token, &"one", &outputs]).await;
    scene.fail(claim, "user").await;
    claim
}

#[tokio::test]
async fn a_retry_is_a_new_run_with_the_same_arguments() {
    let scene = Scene::new().await;
    let options = json!({ "priority": 3, "concurrency_key": "k", "idempotency_key": "i", "max_attempts": 1 });
    let first = scene.enqueue(options).await;
    scene.cancel(first).await;
    let again = row(&scene.operator, "select * from ops.retry_run($1)", &[&first]).await;
    let id: Uuid = again.get("id");
    assert_ne!(id, first);
    assert_eq!(again.get::<_, Uuid>("retry_of"), first);
    assert_eq!(scene.column(id, "priority").await, "3");
    assert_eq!(scene.column(id, "concurrency_key").await, "k");
    assert_eq!(scene.column(id, "max_attempts").await, "1");
    assert_eq!(scene.column(id, "idempotency_key").await, "");
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn from_a_step_on_what_is_before_it_is_taken_over() {
    let scene = Scene::new().await;
    let failed = failed_in_the_second_step(&scene).await;
    let sql = "select id from ops.retry_run($1, 'two')";
    let id: Uuid = value(&scene.operator, sql, &[&failed.id]).await;
    let states: Value = value(&scene.worker, "select step_states from ops.claim_next_run('w1')", &[]).await;
    assert_eq!(
        states,
        json!([{ "attempt": 0, "step": "one", "status": "succeeded", "exit_code": 0,
                 "detail": { "outputs": { "image": "y" } } }])
    );
    assert_eq!(scene.column(id, "retry_of").await, failed.id.to_string());
}

#[tokio::test]
async fn without_the_outputs_of_every_earlier_step_it_is_refused() {
    let scene = Scene::new().await;
    let failed = failed_in_the_second_step(&scene).await;
    let sql = "select ops.retry_run($1, $2)";
    let refused = refusal(&scene.operator, sql, &[&failed.id, &"three"]).await;
    assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("OP004", "missing: two"));
    assert_eq!(code(&scene.operator, sql, &[&failed.id, &"four"]).await, "OP004");
}

#[tokio::test]
async fn a_changed_workflow_is_retried_whole() {
    let scene = Scene::new().await;
    let failed = failed_in_the_second_step(&scene).await;
    let definition = json!({ "steps": [{ "name": "two", "image": "x", "shell": "true" }] });
    run(&scene.operator, "select ops.put_workflow('acme', 'three', $1)", &[&definition]).await;
    assert_eq!(code(&scene.operator, "select ops.retry_run($1, 'two')", &[&failed.id]).await, "OP004");
    run(&scene.operator, "select ops.retry_run($1)", &[&failed.id]).await;
}

#[tokio::test]
async fn only_finished_runs_are_retried() {
    let scene = Scene::new().await;
    let sql = "select ops.retry_run($1)";
    let queued = scene.queued().await;
    assert_eq!(code(&scene.operator, sql, &[&queued]).await, "OP002");
    let claim = scene.claim().await;
    assert_eq!(code(&scene.operator, sql, &[&claim.id]).await, "OP002");
    assert_eq!(code(&scene.operator, sql, &[&Uuid::now_v7()]).await, "OP001");
}

#[tokio::test]
async fn developers_may_others_may_not() {
    let scene = Scene::new().await;
    let done = scene.succeeded().await;
    let sql = "select ops.retry_run($1)";
    assert_eq!(try_as_each_role(&scene, sql, &[&done.id]).await, from_developer_on());
    assert_eq!(code(&scene.worker, sql, &[&done.id]).await, "42501");
}
