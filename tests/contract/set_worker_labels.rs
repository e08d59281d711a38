//! `set_worker_labels`: what an operator says of a worker.

use serde_json::json;

use super::scene::{Scene, code, run, value};

const SET: &str = "select ops.set_worker_labels('w1', $1)";

#[tokio::test]
async fn labels_route_at_once_and_wake_the_worker() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "required_labels": ["gpu"] })).await;
    assert_eq!(scene.try_claim().await, None);
    let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
    run(&scene.operator, SET, &[&vec!["x", "gpu", "gpu"]]).await;
    notifications.next().await;
    let labels = "select labels from ops.worker_overview";
    assert_eq!(value::<Vec<String>>(&scene.operator, labels, &[]).await, ["gpu", "x"]);
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn unknown_workers_bad_labels_and_others_are_refused() {
    let scene = Scene::new().await;
    assert_eq!(code(&scene.operator, SET, &[&vec!["a"]]).await, "OP001");
    scene.try_claim().await;
    assert_eq!(code(&scene.operator, SET, &[&vec!["white space"]]).await, "OP004");
    assert_eq!(code(&scene.worker, SET, &[&vec!["a"]]).await, "42501");
}
