//! `resume_project`: the end of a pause.

use serde_json::json;

use super::member::{from_admin_on, try_as_each_role};
use super::scene::{Scene, code, row, run};

const PAUSE: &str = "select ops.pause_project('acme')";
const RESUME: &str = "select * from ops.resume_project('acme')";

#[tokio::test]
async fn waiting_runs_start_again_and_workers_are_woken() {
    let scene = Scene::new().await;
    run(&scene.operator, PAUSE, &[]).await;
    let id = scene.queued().await;
    let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
    let resumed = row(&scene.operator, RESUME, &[]).await;
    assert_eq!(resumed.get::<_, Option<String>>("paused_reason"), None);
    notifications.next().await;
    assert_eq!(scene.claim().await.id, id);
    run(&scene.operator, RESUME, &[]).await;
}

#[tokio::test]
async fn keys_limits_and_times_hold_afterwards() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 2)", &[]).await;
    run(&scene.operator, PAUSE, &[]).await;
    let later = scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    for _ in 0..2 {
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
        scene.queued().await;
    }
    run(&scene.operator, RESUME, &[]).await;
    assert!(scene.try_claim().await.is_some() && scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
    assert_eq!(scene.waits_for(later).await, "due");
}

#[tokio::test]
async fn a_run_that_became_due_in_the_pause_starts_after_it() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    run(&scene.operator, PAUSE, &[]).await;
    scene.make_due().await;
    assert_eq!(scene.try_claim().await, None);
    run(&scene.operator, RESUME, &[]).await;
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn admins_may_others_may_not() {
    let scene = Scene::new().await;
    let sql = "select ops.resume_project('acme')";
    assert_eq!(try_as_each_role(&scene, sql, &[]).await, from_admin_on());
    assert_eq!(code(&scene.operator, "select ops.resume_project('nowhere')", &[]).await, "OP001");
}
