//! `container_verdict`: what a janitor may remove.

use uuid::Uuid;

use super::scene::{Claim, Scene, run, value};

async fn verdict(scene: &Scene, instance: Option<Uuid>, run: Option<Uuid>, attempt: Option<i32>) -> String {
    let sql = "select ops.container_verdict($1, $2, $3)";
    value(&scene.worker, sql, &[&instance, &run, &attempt]).await
}

async fn own(scene: &Scene, claim: Claim, attempt: i32) -> String {
    let instance = value(&scene.worker, "select instance_id from ops.contract_info()", &[]).await;
    verdict(scene, Some(instance), Some(claim.id), Some(attempt)).await
}

#[tokio::test]
async fn what_a_live_attempt_uses_is_kept() {
    let scene = Scene::new().await;
    let (claimed, running) = (scene.claimed().await, scene.running().await);
    assert_eq!(own(&scene, claimed, 1).await, "keep");
    assert_eq!(own(&scene, running, 1).await, "keep");
}

#[tokio::test]
async fn what_ended_attempts_left_is_removed() {
    let scene = Scene::new().await;
    let done = scene.succeeded().await;
    assert_eq!(own(&scene, done, 1).await, "remove");
    let released = scene.running().await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&released.id, &released.token]).await;
    assert_eq!(own(&scene, released, 1).await, "remove");
    let second = scene.claim().await;
    assert_eq!(own(&scene, second, 1).await, "remove");
    assert_eq!(own(&scene, second, 2).await, "keep");
    scene.lose_all_leases().await;
    assert_eq!(own(&scene, second, 2).await, "remove");
}

#[tokio::test]
async fn what_belongs_to_no_run_is_removed() {
    let scene = Scene::new().await;
    let unknown = Claim { id: Uuid::now_v7(), token: Uuid::nil(), attempt: 1 };
    assert_eq!(own(&scene, unknown, 1).await, "remove");
}

#[tokio::test]
async fn what_another_control_plane_made_or_nobody_can_read_is_kept() {
    let scene = Scene::new().await;
    let done = scene.succeeded().await;
    assert_eq!(verdict(&scene, Some(Uuid::new_v4()), Some(done.id), Some(1)).await, "keep");
    let instance = value(&scene.worker, "select instance_id from ops.contract_info()", &[]).await;
    assert_eq!(verdict(&scene, None, Some(done.id), Some(1)).await, "keep");
    assert_eq!(verdict(&scene, Some(instance), None, Some(1)).await, "keep");
    assert_eq!(verdict(&scene, Some(instance), Some(done.id), None).await, "keep");
}
