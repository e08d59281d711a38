//! `drain_worker`: no more runs for this one.

use super::scene::{Scene, code, run};

const DRAIN: &str = "select ops.drain_worker('w1')";

#[tokio::test]
async fn the_worker_is_told_and_what_it_runs_goes_on() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.queued().await;
    let mut notifications = scene.database.notifications(&["ops_run_control"]).await;
    run(&scene.operator, DRAIN, &[]).await;
    assert_eq!(notifications.next().await.payload(), "w1");
    run(&scene.operator, DRAIN, &[]).await;
    assert_eq!(scene.try_claim().await, None);
    assert_eq!(scene.succeed(claim).await, "succeeded");
}

#[tokio::test]
async fn unknown_workers_and_others_are_refused() {
    let scene = Scene::new().await;
    assert_eq!(code(&scene.operator, DRAIN, &[]).await, "OP001");
    assert_eq!(code(&scene.worker, DRAIN, &[]).await, "42501");
}
