//! The state machine: one test per arrow, by its events; and no other arrow.

use serde_json::json;

use super::scene::{Scene, code, run, value, values};

/// All arrows there are, as they stand in the events.
pub(super) const ARROWS: [&str; 13] = [
    ">queued",
    "claimed>canceled",
    "claimed>claimed",
    "claimed>failed",
    "claimed>queued",
    "claimed>running",
    "queued>canceled",
    "queued>claimed",
    "running>canceled",
    "running>failed",
    "running>queued",
    "running>running",
    "running>succeeded",
];

async fn last_arrow(scene: &Scene, id: uuid::Uuid) -> String {
    let arrow = scene.history(id).await.pop().expect("an event");
    assert!(ARROWS.contains(&arrow.as_str()), "{arrow}");
    arrow
}

#[tokio::test]
async fn a_new_run_is_queued() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    assert_eq!(last_arrow(&scene, id).await, ">queued");
}

#[tokio::test]
async fn queued_is_claimed() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    assert_eq!(last_arrow(&scene, claim.id).await, "queued>claimed");
}

#[tokio::test]
async fn claimed_runs() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    assert_eq!(last_arrow(&scene, claim.id).await, "claimed>running");
}

#[tokio::test]
async fn running_succeeds() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    assert_eq!(last_arrow(&scene, claim.id).await, "running>succeeded");
}

#[tokio::test]
async fn running_fails() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.fail(claim, "user").await;
    assert_eq!(last_arrow(&scene, claim.id).await, "running>failed");
}

#[tokio::test]
async fn running_is_canceled_on_request() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    assert_eq!(last_arrow(&scene, claim.id).await, "running>running");
    scene.fail(claim, "canceled").await;
    assert_eq!(last_arrow(&scene, claim.id).await, "running>canceled");
}

#[tokio::test]
async fn claimed_and_running_go_back_when_released() {
    let scene = Scene::new().await;
    let (claimed, running) = (scene.claimed().await, scene.running().await);
    for (claim, arrow) in [(claimed, "claimed>queued"), (running, "running>queued")] {
        run(&scene.worker, "select ops.release_run($1, $2, 'r')", &[&claim.id, &claim.token]).await;
        assert_eq!(last_arrow(&scene, claim.id).await, arrow);
    }
}

#[tokio::test]
async fn claimed_and_running_go_back_when_their_lease_expires() {
    let scene = Scene::new().await;
    let (claimed, running) = (scene.claimed().await, scene.running().await);
    assert_eq!(scene.lose_all_leases().await, 2);
    assert_eq!(last_arrow(&scene, claimed.id).await, "claimed>queued");
    assert_eq!(last_arrow(&scene, running.id).await, "running>queued");
}

#[tokio::test]
async fn claimed_and_running_go_back_after_a_fault_of_the_machine() {
    let scene = Scene::new().await;
    let (claimed, running) = (scene.claimed().await, scene.running().await);
    scene.fail(claimed, "infra").await;
    scene.fail(running, "infra").await;
    assert_eq!(last_arrow(&scene, claimed.id).await, "claimed>queued");
    assert_eq!(last_arrow(&scene, running.id).await, "running>queued");
}

#[tokio::test]
async fn claimed_fails_when_invalid_or_lost_too_often() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    scene.fail(claim, "invalid").await;
    assert_eq!(last_arrow(&scene, claim.id).await, "claimed>failed");
    let id = scene.enqueue(json!({ "max_attempts": 1 })).await;
    scene.claim().await;
    scene.lose_all_leases().await;
    assert_eq!(last_arrow(&scene, id).await, "claimed>failed");
}

#[tokio::test]
async fn a_cancel_request_ends_claimed_and_running_whose_lease_expires() {
    let scene = Scene::new().await;
    let (claimed, running) = (scene.claimed().await, scene.running().await);
    scene.cancel(claimed.id).await;
    scene.cancel(running.id).await;
    assert_eq!(last_arrow(&scene, claimed.id).await, "claimed>claimed");
    scene.lose_all_leases().await;
    assert_eq!(last_arrow(&scene, claimed.id).await, "claimed>canceled");
    assert_eq!(last_arrow(&scene, running.id).await, "running>canceled");
}

#[tokio::test]
async fn queued_is_canceled() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    scene.cancel(id).await;
    assert_eq!(last_arrow(&scene, id).await, "queued>canceled");
}

#[tokio::test]
async fn what_has_finished_stays_as_it_is() {
    for end in ["succeeded", "failed", "canceled"] {
        let scene = Scene::new().await;
        let claim = scene.running().await;
        match end {
            "succeeded" => drop(scene.succeed(claim).await),
            "failed" => drop(scene.fail(claim, "user").await),
            _ => {
                scene.cancel(claim.id).await;
                scene.fail(claim, "canceled").await;
            }
        }
        assert_eq!(scene.status(claim.id).await, end);
        let events = scene.history(claim.id).await;
        for sql in [
            "select ops.start_workflow_run($1, 'w1', $2)",
            "select ops.heartbeat_run($1, 'w1', $2)",
            "select ops.release_run($1, $2, null)",
            "select ops.record_step($1, $2, 's', 'running', null, null)",
            "select ops.complete_workflow_run($1, 9, 'other', $2)",
        ] {
            let code = code(&scene.worker, sql, &[&claim.id, &claim.token]).await;
            assert_eq!(code, "OP002", "{end}: {sql}");
        }
        assert_eq!(scene.lose_all_leases().await, 0);
        assert_eq!(scene.history(claim.id).await, events);
    }
}

#[tokio::test]
async fn events_are_append_only_even_for_the_owner() {
    let scene = Scene::new().await;
    scene.succeeded().await;
    let superuser = scene.database.superuser().await;
    let count = "select count(*) from ops.run_events";
    let before: i64 = value(&superuser, count, &[]).await;
    superuser.batch_execute("set role ops_owner").await.expect("set role");
    for sql in
        ["update ops.run_events set actor = 'x'", "delete from ops.run_events", "truncate ops.run_events"]
    {
        assert_eq!(code(&superuser, sql, &[]).await, "OP007", "{sql}");
    }
    assert_eq!(value::<i64>(&superuser, count, &[]).await, before);
    let actors = "select distinct actor from ops.run_events order by 1";
    assert_eq!(values::<String>(&superuser, actors, &[]).await, ["role:odooops_test_operator", "worker:w1"]);
}
