//! `add_run_artifact`: files that a run left.

use super::scene::{Scene, check_token_rules, code, refusal, row, run, value};

const ADD: &str = "select * from ops.add_run_artifact($1, 'backup/dump', 's3://bucket/key', 42, \
     p_content_type => 'application/octet-stream', p_claim_token => $2)";

#[tokio::test]
async fn an_artifact_is_recorded_once_however_often_it_is_added() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for _ in 0..2 {
        let artifact = row(&scene.worker, ADD, &[&claim.id, &claim.token]).await;
        assert_eq!(artifact.get::<_, String>("artifact_key"), "backup/dump");
        assert_eq!(artifact.get::<_, String>("s3_url"), "s3://bucket/key");
        assert_eq!(artifact.get::<_, i64>("size_bytes"), 42);
    }
    let count = "select count(*) from ops.run_artifacts";
    assert_eq!(value::<i64>(&scene.operator, count, &[]).await, 1);
    let shown = "select artifacts from ops.run_overview";
    assert_eq!(value::<i64>(&scene.operator, shown, &[]).await, 1);
}

#[tokio::test]
async fn another_file_under_the_same_key_is_a_conflict() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.worker, ADD, &[&claim.id, &claim.token]).await;
    let refused = refusal(&scene.worker, &ADD.replace("42", "43"), &[&claim.id, &claim.token]).await;
    assert_eq!(refused.code, "OP005");
    assert!(refused.detail.contains("s3://bucket/key"), "{}", refused.detail);
}

#[tokio::test]
async fn a_later_attempt_replaces_what_the_one_before_left() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.worker, ADD, &[&claim.id, &claim.token]).await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&claim.id, &claim.token]).await;
    let second = scene.claim().await;
    let artifact = row(&scene.worker, &ADD.replace("42", "43"), &[&second.id, &second.token]).await;
    assert_eq!(artifact.get::<_, i64>("size_bytes"), 43);
}

#[tokio::test]
async fn the_call_of_the_seed_works() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select ops.add_run_artifact($1, 'image', 's3://bucket/image')";
    run(&scene.operator, sql, &[&claim.id]).await;
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(ADD).await;
}

#[tokio::test]
async fn keys_addresses_and_figures_are_checked() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for arguments in [
        "'', 's3://b/k'",
        "null, 's3://b/k'",
        "'k', 'https://b/k'",
        "'k', null",
        "'k', 's3://b/k', -1",
        "'k', 's3://b/k', 1, 'abc'",
        "'k', 's3://b/k', p_metadata => '[]'",
    ] {
        let sql = format!("select ops.add_run_artifact($1, {arguments}, p_claim_token => $2)");
        assert_eq!(code(&scene.worker, &sql, &[&claim.id, &claim.token]).await, "OP004", "{arguments}");
    }
}
