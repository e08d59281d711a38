//! `odoo-test`: each addon gets the verdict that it deserves, and nothing is left behind.

use std::time::Duration;

use serde_json::json;

use super::bench::{Bench, STAND_IN, modules, sample_commit};
use super::cases::{assert_green, run_broken};

#[tokio::test(flavor = "multi_thread")]
async fn green_addons_are_green_and_their_log_is_kept() {
    let bench = Bench::new().await;
    let ended = bench.run("odoo-test", "main", json!({"modules": "all"})).await;
    assert_green(&ended);
    assert_eq!(bench.artifact_keys(ended.id).await, ["test/odoo.log"]);
    let log = std::fs::read_to_string(bench.artifact_path(ended.id, "test/odoo.log").await).expect("the log");
    assert!(log.contains("0 failed, 0 error(s) of 9 tests when loading database"), "{log}");
    assert_eq!(ended.result()["commit_sha"], sample_commit());
    assert_eq!(ended.result()["untested_modules"], json!([]));
    assert!(!log.contains("odooops-test-odoo-password"), "the password is in the log");
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_addon_fails_for_its_own_reason() {
    let bench = Bench::new().await;
    run_broken(&bench).await;
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_was_built_is_tested_without_a_check_out() {
    let bench = Bench::new().await;
    let built = bench.run("odoo-build", "main", json!({})).await;
    let input = json!({"image": built.result()["image_id"], "modules": "all", "repo_url": "file:///nowhere"});
    let ended = bench.run("odoo-test", "main", input).await;
    assert_green(&ended);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_told_and_do_not_fail_the_run() {
    let bench = Bench::new().await;
    let ended = bench.run("odoo-test", "broken/logs-warning", modules(&["sample_murmuring"])).await;
    assert_eq!(ended.result()["warnings"], 1);
    let told =
        ended.lines.iter().any(|line| line.starts_with("warning ") && line.contains("the oven is warm"));
    assert!(told, "{}", ended.lines.join("\n"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_choose_the_tests() {
    let bench = Bench::new().await;
    let one = json!({"modules": ["sample_labels"], "test_tags": "/sample_notes:TestNote.test_length_counts_characters"});
    assert_eq!(bench.run("odoo-test", "main", one).await.result()["tests"], 1);
    let none = json!({"modules": ["sample_labels"], "test_tags": "/nothing"});
    bench.run("odoo-test", "main", none).await.assert_failed("user", "no test ran");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_test_stops_at_once_and_drops_its_database() {
    let bench = Bench::new().await;
    let run_id = bench.enqueue("odoo-test", "broken/endless-test", modules(&["sample_endless"])).await;
    bench
        .until("the endless test starts", async || {
            let lines = bench.lines(run_id).await;
            lines.iter().any(|line| line.contains("Starting TestEndless")).then_some(())
        })
        .await;
    bench.cancel(run_id).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), bench.ended(run_id)).await.expect("an end");
    assert_eq!(ended.run["status"], "canceled");
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_invalid_and_says_what_is_wrong() {
    let bench = Bench::new().await;
    for (input, message) in [
        (json!({"modules": ["--help"]}), "modules: \"--help\" is no module name"),
        (json!({"demo": "yes"}), "demo: true or false is needed"),
        (json!({"image": "localhost/odooops/00000000/shop:1"}), "was built on another worker"),
        (json!({"repo_url": "file:///nowhere"}), "/nowhere"),
    ] {
        let ended = bench.run("odoo-test", "main", input).await;
        ended.assert_failed("invalid", message);
    }
    bench.run("odoo-test", "no-such-branch", json!({})).await.assert_failed("invalid", "no-such-branch");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_containers_cannot_reach_is_said_before_anything_is_made() {
    let bench = Bench::with(|odoo| {
        odoo.database_url = Some("postgres://odoo:secret-password@localhost:5432/postgres".into());
    })
    .await;
    let ended = bench.run("odoo-test", "main", json!({})).await;
    ended.assert_failed("invalid", "172.17.0.1");
    assert!(!ended.run.to_string().contains("secret-password"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_addons_is_what_they_are_built_on() {
    let bench = Bench::with(|odoo| odoo.image = Some("odooops-test/base:bookworm".to_owned())).await;
    assert_green(&bench.run("odoo-test", "main", json!({"image": STAND_IN})).await);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_data_is_loaded_when_asked_for() {
    let bench = Bench::new().await;
    let input = json!({"modules": ["sample_labels"], "demo": true});
    let ended = bench.run("odoo-test", "main", input).await;
    assert_eq!(ended.result()["failed"], 0);
    bench.close().await;
}
