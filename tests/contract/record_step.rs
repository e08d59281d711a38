//! `record_step`: what became of each step.

use serde_json::{Value, json};

use super::scene::{Scene, check_token_rules, code, row, run, value};

const RECORD: &str = "select ops.record_step($1, $2, 'install', 'succeeded', 0, '{\"outputs\": {\"a\": 1}}')";

#[tokio::test]
async fn the_last_word_on_a_step_counts() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let begin = "select ops.record_step($1, $2, 'install', 'running', null, null)";
    run(&scene.worker, begin, &[&claim.id, &claim.token]).await;
    run(&scene.worker, RECORD, &[&claim.id, &claim.token]).await;
    run(&scene.worker, RECORD, &[&claim.id, &claim.token]).await;
    let step = row(
        &scene.operator,
        "select status::text, exit_code, detail, finished_at is not null, \
         attempt from ops.run_steps",
        &[],
    )
    .await;
    assert_eq!(step.get::<_, String>(0), "succeeded");
    assert_eq!(step.get::<_, i32>(1), 0);
    assert_eq!(step.get::<_, Value>(2), json!({ "outputs": { "a": 1 } }));
    assert!(step.get::<_, bool>(3));
    assert_eq!(step.get::<_, i32>(4), 1);
}

#[tokio::test]
async fn the_next_attempt_is_told_of_earlier_steps() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.worker, RECORD, &[&claim.id, &claim.token]).await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&claim.id, &claim.token]).await;
    let states: Value = value(&scene.worker, "select step_states from ops.claim_next_run('w1')", &[]).await;
    assert_eq!(
        states,
        json!([{ "attempt": 1, "step": "install", "status": "succeeded", "exit_code": 0,
                 "detail": { "outputs": { "a": 1 } } }])
    );
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(RECORD).await;
}

#[tokio::test]
async fn a_finished_run_records_no_more_steps() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    assert_eq!(code(&scene.worker, RECORD, &[&claim.id, &claim.token]).await, "OP002");
}

#[tokio::test]
async fn names_states_and_details_are_checked() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for arguments in [
        "'', 'running', null, null",
        "'s', 'gone', null, null",
        "'s', null, null, null",
        "'s', 'failed', 1, '[]'",
    ] {
        let sql = format!("select ops.record_step($1, $2, {arguments})");
        assert_eq!(code(&scene.worker, &sql, &[&claim.id, &claim.token]).await, "OP004", "{arguments}");
    }
}
