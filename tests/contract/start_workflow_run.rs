//! `start_workflow_run`: claimed → running.

use uuid::Uuid;

use super::scene::{Scene, check_token_rules, code, row, run};

const START: &str = "select * from ops.start_workflow_run($1, 'w1', $2)";

#[tokio::test]
async fn a_claimed_run_starts() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    let state = row(&scene.worker, START, &[&claim.id, &claim.token]).await;
    assert_eq!(state.get::<_, Uuid>("id"), claim.id);
    assert_eq!(state.get::<_, i64>("run_number"), 1);
    assert_eq!(state.get::<_, String>("status"), "running");
    assert_eq!(state.get::<_, i32>("attempt"), 1);
    assert_eq!(state.get::<_, Option<String>>("failure_reason"), None);
    assert_eq!(scene.history(claim.id).await, [">queued", "queued>claimed", "claimed>running"]);
    assert_ne!(scene.column(claim.id, "started_at").await, "");
}

#[tokio::test]
async fn the_same_start_again_answers_the_same_and_leaves_no_event() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    let first = row(&scene.worker, START, &[&claim.id, &claim.token]).await;
    let second = row(&scene.worker, START, &[&claim.id, &claim.token]).await;
    let updated_at = |row: &tokio_postgres::Row| row.get::<_, jiff::Timestamp>("updated_at");
    assert_eq!(updated_at(&first), updated_at(&second));
    assert_eq!(scene.history(claim.id).await.len(), 3);
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(START).await;
}

#[tokio::test]
async fn another_workers_name_loses() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    let sql = "select ops.start_workflow_run($1, 'w2', $2)";
    assert_eq!(code(&scene.worker, sql, &[&claim.id, &claim.token]).await, "OP003");
    assert_eq!(scene.status(claim.id).await, "claimed");
}

#[tokio::test]
async fn an_operator_needs_no_token_but_starts_only_once() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    let sql = "select ops.start_workflow_run($1, 'w1')";
    run(&scene.operator, sql, &[&claim.id]).await;
    assert_eq!(code(&scene.operator, sql, &[&claim.id]).await, "OP002");
    scene.succeed(claim).await;
    assert_eq!(code(&scene.operator, sql, &[&claim.id]).await, "OP002");
    assert_eq!(code(&scene.worker, START, &[&claim.id, &claim.token]).await, "OP002");
}
