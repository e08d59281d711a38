//! `put_concurrency_key`: how many runs with a key may run at a time.

use serde_json::json;

use super::member::{from_admin_on, try_as_each_role};
use super::scene::{Scene, code, run};

const PUT: &str = "select ops.put_concurrency_key('acme', 'k', $1)";

#[tokio::test]
async fn a_raised_limit_lets_waiting_runs_go_at_once() {
    let scene = Scene::new().await;
    for _ in 0..4 {
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
    }
    scene.claim().await;
    assert_eq!(scene.try_claim().await, None);
    let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
    run(&scene.operator, PUT, &[&3]).await;
    notifications.next().await;
    assert!(scene.try_claim().await.is_some() && scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn a_lowered_limit_holds_for_what_starts_next() {
    let scene = Scene::new().await;
    run(&scene.operator, PUT, &[&2]).await;
    for _ in 0..4 {
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
    }
    let (first, second) = (scene.claim().await, scene.claim().await);
    run(&scene.operator, PUT, &[&1]).await;
    scene.start(first).await;
    scene.succeed(first).await;
    assert_eq!(scene.try_claim().await, None, "the second still holds the key");
    scene.start(second).await;
    scene.succeed(second).await;
    assert!(scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn arguments_are_checked_and_admins_may() {
    let scene = Scene::new().await;
    assert_eq!(code(&scene.operator, PUT, &[&0]).await, "OP004");
    for key in ["''", "null"] {
        let sql = format!("select ops.put_concurrency_key('acme', {key}, 1)");
        assert_eq!(code(&scene.operator, &sql, &[]).await, "OP004");
    }
    assert_eq!(code(&scene.operator, "select ops.put_concurrency_key('x', 'k', 1)", &[]).await, "OP001");
    assert_eq!(try_as_each_role(&scene, PUT, &[&1]).await, from_admin_on());
}
