//! `finish_run_log`: by which a reader knows that a log is whole.

use super::scene::{Scene, check_token_rules, code, row, run};

const FINISH: &str = "select ops.finish_run_log($1, $2, 12, 3, \
     'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')";

#[tokio::test]
async fn figures_are_recorded_also_after_the_completion() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    run(&scene.worker, FINISH, &[&claim.id, &claim.token]).await;
    run(&scene.worker, FINISH, &[&claim.id, &claim.token]).await;
    let kept =
        row(&scene.operator, "select log_bytes, log_lines, left(log_sha256, 4) from ops.run_attempts", &[])
            .await;
    assert_eq!((kept.get::<_, i64>(0), kept.get::<_, i64>(1), kept.get::<_, &str>(2)), (12, 3, "ba78"));
}

#[tokio::test]
async fn other_figures_are_refused_once_they_are_known() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.worker, FINISH, &[&claim.id, &claim.token]).await;
    let other = FINISH.replace("12, 3", "12, 4");
    assert_eq!(code(&scene.worker, &other, &[&claim.id, &claim.token]).await, "OP002");
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(FINISH).await;
}

#[tokio::test]
async fn figures_are_checked() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for wrong in ["-1, 3", "12, -3", "null, 3", "12, null"] {
        let sql = FINISH.replace("12, 3", wrong);
        assert_eq!(code(&scene.worker, &sql, &[&claim.id, &claim.token]).await, "OP004", "{wrong}");
    }
    let sql = FINISH.replace("ba78", "BA78");
    assert_eq!(code(&scene.worker, &sql, &[&claim.id, &claim.token]).await, "OP004");
}
