//! `list_queued_runs`: the queue as it will be served.

use serde_json::json;
use uuid::Uuid;

use super::member::Member;
use super::scene::{Scene, code, run, values};

#[tokio::test]
async fn runs_stand_in_order_with_their_causes() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    let last = scene.enqueue(json!({ "priority": 200 })).await;
    let first = scene.queued().await;
    let later = scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    let rows = scene.operator.query("select * from ops.list_queued_runs()", &[]).await.expect("the queue");
    let listed: Vec<(i64, Uuid, &str)> =
        rows.iter().map(|row| (row.get("position"), row.get("run_id"), row.get("cause"))).collect();
    assert_eq!(listed, [(1, first, "ready"), (2, later, "due"), (3, last, "ahead")]);
    assert_eq!(rows[0].get::<_, String>("project_slug"), "acme");
    assert_eq!(rows[0].get::<_, String>("workflow_name"), "odoo-test");
    assert!(rows[0].get::<_, i64>("age_secs") < 60);
}

#[tokio::test]
async fn a_project_and_a_limit_narrow_it() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    let other = scene.enqueue_in("b", json!({})).await;
    for _ in 0..3 {
        scene.queued().await;
    }
    let sql = "select run_id from ops.list_queued_runs($1, $2)";
    assert_eq!(values::<Uuid>(&scene.operator, sql, &[&"b", &100]).await, [other]);
    assert_eq!(values::<Uuid>(&scene.operator, sql, &[&"acme", &2]).await.len(), 2);
    assert_eq!(code(&scene.operator, sql, &[&"nowhere", &1]).await, "OP001");
    assert_eq!(code(&scene.operator, sql, &[&"b", &0]).await, "OP004");
}

#[tokio::test]
async fn what_no_longer_waits_is_not_listed() {
    let scene = Scene::new().await;
    scene.running().await;
    let canceled = scene.queued().await;
    scene.cancel(canceled).await;
    let sql = "select run_id from ops.list_queued_runs()";
    assert!(values::<Uuid>(&scene.operator, sql, &[]).await.is_empty());
}

#[tokio::test]
async fn a_user_sees_the_queue_of_the_own_projects() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    scene.enqueue_in("b", json!({})).await;
    scene.queued().await;
    let sql = "select count(*) from ops.list_queued_runs()";
    let mut viewer = Member::new(&scene, Some("viewer")).await;
    assert_eq!(viewer.value::<i64>(sql, &[]).await, Ok(1));
    let mut stranger = Member::new(&scene, None).await;
    assert_eq!(stranger.value::<i64>(sql, &[]).await, Ok(0));
    assert_eq!(stranger.attempt("select ops.list_queued_runs('b')", &[]).await, Err("OP001".to_owned()));
}
