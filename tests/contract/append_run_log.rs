//! `append_run_log`: one line, for scripts.

use serde_json::{Value, json};

use super::scene::{Scene, check_token_rules, code, row, value};

#[tokio::test]
async fn a_line_is_stored_with_its_metadata() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select ops.append_run_log($1, 'warning', 'mind the gap', '{\"k\": 1}', $2)";
    assert_eq!(value::<i64>(&scene.worker, sql, &[&claim.id, &claim.token]).await, 1);
    assert_eq!(value::<i64>(&scene.worker, sql, &[&claim.id, &claim.token]).await, 2);
    let line = row(&scene.operator, "select * from ops.run_logs where seq = 2", &[]).await;
    assert_eq!(line.get::<_, String>("level"), "warning");
    assert_eq!(line.get::<_, String>("message"), "mind the gap");
    assert_eq!(line.get::<_, Value>("metadata"), json!({ "k": 1 }));
    assert_eq!(line.get::<_, Option<String>>("step"), None);
}

#[tokio::test]
async fn an_operator_needs_nothing_but_the_run() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select ops.append_run_log($1, 'info', 'hello')";
    assert_eq!(value::<i64>(&scene.operator, sql, &[&claim.id]).await, 1);
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules("select ops.append_run_log($1, 'info', 'hello', p_claim_token => $2)").await;
}

#[tokio::test]
async fn levels_messages_and_metadata_are_checked() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for arguments in ["'loud', 'm'", "null, 'm'", "'info', null", "'info', 'm', '[]'"] {
        let sql = format!("select ops.append_run_log($1, {arguments}, p_claim_token => $2)");
        assert_eq!(code(&scene.worker, &sql, &[&claim.id, &claim.token]).await, "OP004", "{arguments}");
    }
}
