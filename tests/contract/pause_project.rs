//! `pause_project`: nothing new starts.

use serde_json::json;

use super::member::{from_admin_on, try_as_each_role};
use super::scene::{Scene, code, row, run};
use crate::support::signals::{backend_pid, wait_until_blocked};

const PAUSE: &str = "select * from ops.pause_project('acme', 'moving house')";

#[tokio::test]
async fn queued_runs_wait_and_running_ones_go_on() {
    let scene = Scene::new().await;
    let running = scene.running().await;
    let id = scene.queued().await;
    let paused = row(&scene.operator, PAUSE, &[]).await;
    assert_eq!(paused.get::<_, String>("paused_reason"), "moving house");
    assert_eq!(scene.waits_for(id).await, "paused");
    let new = scene.queued().await;
    assert_eq!(scene.waits_for(new).await, "paused");
    assert_eq!(scene.try_claim().await, None);
    assert_eq!(scene.succeed(running).await, "succeeded");
    run(&scene.operator, PAUSE, &[]).await;
}

#[tokio::test]
async fn a_run_that_comes_back_meanwhile_is_not_claimed() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.operator, PAUSE, &[]).await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&claim.id, &claim.token]).await;
    assert_eq!(scene.try_claim().await, None);
    assert_eq!(scene.waits_for(claim.id).await, "paused", "the claim has set it aside");
    run(&scene.operator, "select ops.resume_project('acme')", &[]).await;
    assert_eq!(scene.claim().await.id, claim.id);
}

#[tokio::test]
async fn an_insert_under_way_is_paused_too() {
    let scene = Scene::new().await;
    let inserting = scene.database.superuser().await;
    inserting.batch_execute("begin").await.expect("begin");
    run(&inserting, "select ops.enqueue_run('acme', 'test')", &[]).await;
    let pid = backend_pid(&scene.operator).await;
    let observer = scene.database.superuser().await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        inserting.batch_execute("commit").await.expect("commit");
    };
    tokio::join!(run(&scene.operator, PAUSE, &[]), commit);
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn an_insert_that_meets_a_pause_under_way_is_paused_too() {
    let scene = Scene::new().await;
    let pausing = scene.database.superuser().await;
    pausing.batch_execute("begin").await.expect("begin");
    run(&pausing, PAUSE, &[]).await;
    let pid = backend_pid(&scene.operator).await;
    let observer = scene.database.superuser().await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        pausing.batch_execute("commit").await.expect("commit");
    };
    let (id, ()) = tokio::join!(scene.enqueue(json!({})), commit);
    assert_eq!(scene.waits_for(id).await, "paused");
}

#[tokio::test]
async fn admins_may_others_may_not() {
    let scene = Scene::new().await;
    let sql = "select ops.pause_project('acme')";
    assert_eq!(try_as_each_role(&scene, sql, &[]).await, from_admin_on());
    assert_eq!(code(&scene.operator, "select ops.pause_project('nowhere')", &[]).await, "OP001");
    assert_eq!(code(&scene.operator, "select ops.pause_project('acme', '')", &[]).await, "OP004");
}
