//! `reap_lost_runs`: leases that ran out.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, code, row, run, value};
use crate::support::signals::backend_pid;

async fn expire_leases(scene: &Scene) {
    let sql = "update ops.runs set lease_expires_at = now() - interval '1 s' where active";
    scene.database.superuser().await.execute(sql, &[]).await.expect("leases run out");
}

#[tokio::test]
async fn a_lost_run_is_queued_again_after_a_while() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    expire_leases(&scene).await;
    let reaped = row(&scene.worker, "select * from ops.reap_lost_runs()", &[]).await;
    assert_eq!(reaped.get::<_, Uuid>("id"), claim.id);
    assert_eq!(reaped.get::<_, String>("worker_id"), "w1");
    assert_eq!(reaped.get::<_, String>("status"), "queued");
    assert_eq!(scene.waits_for(claim.id).await, "due");
    assert_eq!(scene.column(claim.id, "failure_reason").await, "lost");
    assert_eq!(scene.column(claim.id, "failed_attempts").await, "1");
    let outcome = "select outcome::text from ops.run_attempts";
    assert_eq!(value::<String>(&scene.operator, outcome, &[]).await, "lost");
    scene.make_due().await;
    assert_eq!(scene.claim().await.attempt, 2);
}

#[tokio::test]
async fn live_leases_are_left_alone() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select count(*) from ops.reap_lost_runs()";
    assert_eq!(value::<i64>(&scene.worker, sql, &[]).await, 0);
    assert_eq!(scene.status(claim.id).await, "running");
}

#[tokio::test]
async fn the_last_lost_attempt_fails_the_run() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "max_attempts": 2 })).await;
    for expected in ["queued", "failed"] {
        scene.claim().await;
        expire_leases(&scene).await;
        let sql = "select status from ops.reap_lost_runs()";
        assert_eq!(value::<String>(&scene.worker, sql, &[]).await, expected);
        scene.make_due().await;
    }
    assert_eq!(scene.column(id, "failure_reason").await, "lost");
    assert!(scene.column(id, "error_message").await.contains("w1"));
}

#[tokio::test]
async fn a_lost_run_that_was_to_be_canceled_is_canceled() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    assert_eq!(scene.lose_all_leases().await, 1);
    assert_eq!(scene.status(claim.id).await, "canceled");
}

#[tokio::test]
async fn a_run_whose_row_is_locked_is_left_for_the_next_time() {
    let scene = Scene::new().await;
    let (busy, free) = (scene.running().await, scene.running().await);
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin").await.expect("begin");
    expire_leases(&scene).await;
    run(&holder, "select from ops.runs where id = $1 for no key update", &[&busy.id]).await;
    assert!(backend_pid(&holder).await > 0);
    let sql = "select id from ops.reap_lost_runs()";
    assert_eq!(value::<Uuid>(&scene.worker, sql, &[]).await, free.id);
    holder.batch_execute("rollback").await.expect("rollback");
    assert_eq!(value::<Uuid>(&scene.worker, sql, &[]).await, busy.id);
}

#[tokio::test]
async fn it_frees_the_key_of_a_lost_run() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let next = scene.enqueue(json!({ "concurrency_key": "k" })).await;
    scene.claim().await;
    assert_eq!(scene.try_claim().await, None);
    scene.lose_all_leases().await;
    assert_eq!(scene.claim().await.id, next);
}

#[tokio::test]
async fn it_readies_what_has_become_due_and_no_more_than_asked() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        scene.running().await;
    }
    let id = scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    scene.make_due().await;
    expire_leases(&scene).await;
    let sql = "select count(*) from ops.reap_lost_runs(2)";
    assert_eq!(value::<i64>(&scene.worker, sql, &[]).await, 2);
    assert_eq!(scene.waits_for(id).await, "");
    assert_eq!(code(&scene.worker, "select ops.reap_lost_runs(0)", &[]).await, "OP004");
}
