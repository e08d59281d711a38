//! `claim_runs`: many at once, in the same order.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, code, run, value, values};

const CLAIM: &str = "select id from ops.claim_runs('w1', $1)";

#[tokio::test]
async fn a_batch_is_what_single_claims_would_get() {
    let scene = Scene::new().await;
    let mut queued = Vec::new();
    for priority in [300, 100, 200, 100] {
        queued.push(scene.enqueue(json!({ "priority": priority })).await);
    }
    let claimed: Vec<Uuid> = values(&scene.worker, CLAIM, &[&3]).await;
    assert_eq!(claimed, [queued[1], queued[3], queued[2]]);
    assert_eq!(values::<Uuid>(&scene.worker, CLAIM, &[&3]).await, [queued[0]]);
    assert!(values::<Uuid>(&scene.worker, CLAIM, &[&3]).await.is_empty());
}

#[tokio::test]
async fn a_batch_is_shared_between_projects() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    for _ in 0..10 {
        scene.queued().await;
    }
    for _ in 0..2 {
        scene.enqueue_in("b", json!({})).await;
    }
    let sql = "select project_slug from ops.claim_runs('w1', 6)";
    let slugs: Vec<String> = values(&scene.worker, sql, &[]).await;
    assert_eq!(slugs.iter().filter(|slug| *slug == "b").count(), 2, "{slugs:?}");
    assert_eq!(slugs.len(), 6);
}

#[tokio::test]
async fn a_lower_priority_is_not_taken_while_a_higher_one_is_left() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    scene.enqueue_in("b", json!({})).await;
    scene.enqueue(json!({ "priority": 500 })).await;
    for _ in 0..6 {
        scene.queued().await;
    }
    let sql = "select priority from ops.claim_runs('w1', 7)";
    let priorities: Vec<i32> = values(&scene.worker, sql, &[]).await;
    assert_eq!(priorities, [100; 7]);
}

#[tokio::test]
async fn a_batch_keeps_the_limits() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_concurrency_key('acme', 'two', 2)", &[]).await;
    for _ in 0..5 {
        scene.enqueue(json!({ "concurrency_key": "one" })).await;
        scene.enqueue(json!({ "concurrency_key": "two" })).await;
    }
    let sql = "select count(*) from ops.claim_runs('w1', 100)";
    assert_eq!(value::<i64>(&scene.worker, sql, &[]).await, 3);
}

#[tokio::test]
async fn every_claim_has_a_token_of_its_own() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        scene.queued().await;
    }
    let sql = "select claim_token from ops.claim_runs('w1', 20)";
    let tokens: HashSet<Uuid> = values(&scene.worker, sql, &[]).await.into_iter().collect();
    assert_eq!(tokens.len(), 20);
}

#[tokio::test]
async fn the_limit_has_bounds() {
    let scene = Scene::new().await;
    for limit in [Some(0), Some(1001), None] {
        assert_eq!(code(&scene.worker, CLAIM, &[&limit]).await, "OP004");
    }
}
