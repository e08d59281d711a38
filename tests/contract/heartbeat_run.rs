//! `heartbeat_run`: one lease.

use super::scene::{Scene, check_token_rules, code, row, run, value};

const BEAT: &str = "select * from ops.heartbeat_run($1, p_claim_token => $2)";
const LEFT: &str =
    "select round(extract(epoch from lease_expires_at - clock_timestamp()) / 10)::int from ops.runs";

#[tokio::test]
async fn a_heartbeat_renews_the_lease() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select * from ops.heartbeat_run($1, 'w1', $2, 300, 'installing')";
    let answer = row(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    assert!(!answer.get::<_, bool>("cancel_requested"));
    assert_eq!(value::<i32>(&scene.operator, LEFT, &[]).await, 30);
    let phase = "select phase from ops.run_attempts where run_id = $1";
    assert_eq!(value::<String>(&scene.operator, phase, &[&claim.id]).await, "installing");
}

#[tokio::test]
async fn it_brings_the_cancel_request() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    let answer = row(&scene.worker, BEAT, &[&claim.id, &claim.token]).await;
    assert!(answer.get::<_, bool>("cancel_requested"));
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(BEAT).await;
}

#[tokio::test]
async fn an_older_caller_sends_the_run_alone() {
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    run(&scene.operator, "select ops.heartbeat_run($1)", &[&claim.id]).await;
    assert_eq!(code(&scene.operator, "select ops.heartbeat_run($1, 'w2')", &[&claim.id]).await, "OP003");
}

#[tokio::test]
async fn a_finished_run_has_no_lease() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    assert_eq!(code(&scene.worker, BEAT, &[&claim.id, &claim.token]).await, "OP002");
}

#[tokio::test]
async fn lease_lengths_have_bounds() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for secs in [Some(0), Some(3601), None] {
        let sql = "select ops.heartbeat_run($1, 'w1', $2, $3)";
        assert_eq!(code(&scene.worker, sql, &[&claim.id, &claim.token, &secs]).await, "OP004");
    }
}
