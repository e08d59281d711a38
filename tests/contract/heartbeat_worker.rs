//! `heartbeat_worker`: all leases of a worker, and what it must know.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, code, row, run, value};
use crate::support::postgres_roles::Login;

const BEAT: &str = "select * from ops.heartbeat_worker('w1', $1, null, $2, $3)";
const NONE: &[Uuid] = &[];

#[tokio::test]
async fn leases_are_renewed_and_lost_ones_named_in_the_order_asked() {
    let scene = Scene::new().await;
    let (good, wrong, canceled) = (scene.running().await, scene.running().await, scene.running().await);
    scene.cancel(canceled.id).await;
    let runs = vec![wrong.id, good.id, canceled.id, Uuid::now_v7()];
    let tokens = vec![Uuid::new_v4(), good.token, canceled.token, Uuid::new_v4()];
    let rows = scene.worker.query(BEAT, &[&"busy", &runs, &tokens]).await.expect("a heartbeat");
    let answer: Vec<(Uuid, bool, bool, bool)> = rows
        .iter()
        .map(|row| {
            let lease: Option<jiff::Timestamp> = row.get("lease_expires_at");
            (row.get("run_id"), row.get("lost"), row.get("cancel_requested"), lease.is_some())
        })
        .collect();
    assert_eq!(
        answer,
        [
            (runs[0], true, false, false),
            (runs[1], false, false, true),
            (runs[2], false, true, true),
            (runs[3], true, false, false),
        ]
    );
}

#[tokio::test]
async fn a_worker_without_runs_learns_of_drain_and_the_next_due_run() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    let answer = row(&scene.worker, BEAT, &[&"available", &NONE, &NONE]).await;
    assert_eq!(answer.get::<_, Option<Uuid>>("run_id"), None);
    assert!(!answer.get::<_, bool>("drain_requested"));
    assert_eq!(answer.get::<_, Option<i64>>("next_due_in_ms"), None);
    scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    run(&scene.operator, "select ops.drain_worker('w1')", &[]).await;
    let answer = row(&scene.worker, BEAT, &[&"draining", &NONE, &NONE]).await;
    assert!(answer.get::<_, bool>("drain_requested"));
    assert!(answer.get::<_, Option<i64>>("next_due_in_ms").is_some_and(|ms| ms > 0));
}

#[tokio::test]
async fn state_and_reason_are_kept() {
    let scene = Scene::new().await;
    let sql = "select from ops.heartbeat_worker('w1', 'sick', 'Docker is down', null, null)";
    run(&scene.worker, sql, &[]).await;
    let seen = row(&scene.operator, "select state, reason from ops.worker_overview", &[]).await;
    assert_eq!((seen.get::<_, &str>(0), seen.get::<_, &str>(1)), ("sick", "Docker is down"));
}

#[tokio::test]
async fn a_silent_worker_is_shown_offline() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    let sql = "select state from ops.worker_overview";
    assert_eq!(value::<String>(&scene.operator, sql, &[]).await, "available");
    scene.put_clock_forward(91).await;
    assert_eq!(value::<String>(&scene.operator, sql, &[]).await, "offline");
}

#[tokio::test]
async fn a_run_claimed_under_another_id_is_lost() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select lost from ops.heartbeat_worker('w2', 'busy', null, $1, $2)";
    assert!(value::<bool>(&scene.worker, sql, &[&vec![claim.id], &vec![claim.token]]).await);
}

#[tokio::test]
async fn bad_arguments_and_foreign_workers_are_refused() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for (state, tokens) in [("asleep", vec![claim.token]), ("busy", vec![])] {
        assert_eq!(code(&scene.worker, BEAT, &[&state, &vec![claim.id], &tokens]).await, "OP004");
    }
    let other = scene.database.login(Login::OtherWorker).await;
    assert_eq!(code(&other, BEAT, &[&"busy", &NONE, &NONE]).await, "OP007");
}

#[tokio::test]
async fn without_a_token_operators_mean_the_current_attempt_and_workers_nothing() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let none: Vec<Option<Uuid>> = vec![None];
    assert_eq!(code(&scene.worker, BEAT, &[&"busy", &vec![claim.id], &none]).await, "OP007");
    let answer = row(&scene.operator, BEAT, &[&"busy", &vec![claim.id], &none]).await;
    assert!(!answer.get::<_, bool>("lost"));
}

#[tokio::test]
async fn a_run_named_twice_is_lost_where_its_token_is_wrong() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let runs = vec![claim.id, claim.id];
    let tokens = vec![Uuid::new_v4(), claim.token];
    let rows = scene.worker.query(BEAT, &[&"busy", &runs, &tokens]).await.expect("a heartbeat");
    let lost: Vec<bool> = rows.iter().map(|row| row.get("lost")).collect();
    assert_eq!(lost, [true, false]);
}
