//! `cancel_run`: at once where nothing runs, by request where something does.

use serde_json::json;
use uuid::Uuid;

use super::member::{from_developer_on, try_as_each_role};
use super::scene::{Scene, code, row};

const CANCEL: &str = "select * from ops.cancel_run($1, 'not needed')";

#[tokio::test]
async fn a_queued_run_is_canceled_at_once() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    let canceled = row(&scene.operator, CANCEL, &[&id]).await;
    assert_eq!(canceled.get::<_, String>("status"), "canceled");
    assert_eq!(canceled.get::<_, String>("failure_reason"), "canceled");
    assert_eq!(canceled.get::<_, String>("cancel_reason"), "not needed");
    assert_eq!(scene.history(id).await, [">queued", "queued>canceled"]);
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn a_run_that_waits_is_canceled_whatever_it_waits_for() {
    let scene = Scene::new().await;
    let running = scene.running().await;
    for options in [
        json!({ "not_before": "2199-01-01T00:00:00Z" }),
        json!({ "depends_on": [running.id] }),
        json!({ "required_labels": ["nobody"] }),
    ] {
        let id = scene.enqueue(options.clone()).await;
        scene.cancel(id).await;
        assert_eq!(scene.status(id).await, "canceled", "{options}");
    }
    assert_eq!(scene.succeed(running).await, "succeeded");
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn a_running_run_is_asked_and_its_worker_woken() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let mut notifications = scene.database.notifications(&["ops_run_control"]).await;
    let asked = row(&scene.operator, CANCEL, &[&claim.id]).await;
    assert_eq!(asked.get::<_, String>("status"), "running");
    assert_eq!(notifications.next().await.payload(), claim.id.to_string());
}

#[tokio::test]
async fn a_repeated_cancel_changes_nothing() {
    let scene = Scene::new().await;
    let (queued, running) = (scene.queued().await, scene.claimed().await.id);
    let queued = if scene.status(queued).await == "queued" { queued } else { scene.queued().await };
    for id in [queued, running] {
        scene.cancel(id).await;
        let events = scene.history(id).await;
        scene.cancel(id).await;
        assert_eq!(scene.history(id).await, events);
    }
}

#[tokio::test]
async fn a_finished_run_cannot_be_canceled() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    assert_eq!(code(&scene.operator, CANCEL, &[&claim.id]).await, "OP002");
    assert_eq!(code(&scene.operator, CANCEL, &[&Uuid::now_v7()]).await, "OP001");
    assert_eq!(code(&scene.operator, CANCEL, &[&None::<Uuid>]).await, "OP001");
}

#[tokio::test]
async fn canceling_goes_on_to_dependents() {
    let scene = Scene::new().await;
    let first = scene.queued().await;
    let second = scene.enqueue(json!({ "depends_on": [first] })).await;
    let third = scene.enqueue(json!({ "depends_on": [second] })).await;
    scene.cancel(first).await;
    assert_eq!(scene.status(second).await, "canceled");
    assert_eq!(scene.status(third).await, "canceled");
}

#[tokio::test]
async fn a_canceled_first_in_line_gives_its_place_to_the_next() {
    let scene = Scene::new().await;
    let first = scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let second = scene.enqueue(json!({ "concurrency_key": "k" })).await;
    assert_eq!(scene.waits_for(second).await, "key");
    scene.cancel(first).await;
    assert_eq!(scene.claim().await.id, second);
}

#[tokio::test]
async fn developers_may_others_may_not() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    let sql = "select ops.cancel_run($1, 'no')";
    assert_eq!(try_as_each_role(&scene, sql, &[&id]).await, from_developer_on());
    assert_eq!(code(&scene.worker, sql, &[&id]).await, "42501");
}
