//! `release_run`: given back without fault.

use serde_json::json;

use super::scene::{Scene, check_token_rules, row};

const RELEASE: &str = "select * from ops.release_run($1, $2, 'draining')";

#[tokio::test]
async fn a_released_run_is_queued_at_once_and_no_bound_is_raised() {
    let scene = Scene::new().await;
    for started in [false, true] {
        let claim = if started { scene.running().await } else { scene.claimed().await };
        let state = row(&scene.worker, RELEASE, &[&claim.id, &claim.token]).await;
        assert_eq!(state.get::<_, String>("status"), "queued");
        assert_eq!(scene.column(claim.id, "failed_attempts + infra_attempts").await, "0");
        let next = scene.claim().await;
        assert_eq!((next.id, next.attempt), (claim.id, 2));
        scene.start(next).await;
        scene.succeed(next).await;
    }
}

#[tokio::test]
async fn a_release_may_be_repeated() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for _ in 0..2 {
        let state = row(&scene.worker, RELEASE, &[&claim.id, &claim.token]).await;
        assert_eq!((state.get::<_, &str>("status"), state.get::<_, i32>("attempt")), ("queued", 1));
    }
    assert_eq!(scene.history(claim.id).await.len(), 4);
}

#[tokio::test]
async fn one_that_was_to_be_canceled_is_canceled() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    let state = row(&scene.worker, RELEASE, &[&claim.id, &claim.token]).await;
    assert_eq!(state.get::<_, String>("status"), "canceled");
    assert_eq!(state.get::<_, Option<String>>("failure_reason").as_deref(), Some("canceled"));
}

#[tokio::test]
async fn its_key_is_free_for_the_first_in_line() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let claim = scene.claim().await;
    let urgent = scene.enqueue(json!({ "concurrency_key": "k", "priority": 1 })).await;
    assert_eq!(scene.try_claim().await, None);
    row(&scene.worker, RELEASE, &[&claim.id, &claim.token]).await;
    assert_eq!(scene.claim().await.id, urgent);
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(RELEASE).await;
}
