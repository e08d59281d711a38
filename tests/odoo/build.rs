//! `odoo-build`: a commit becomes an image that says what it has.

use odooops::container::Containers;
use serde_json::json;

use super::bench::{Bench, STAND_IN, sample_commit};
use super::odoo_server::docker;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_becomes_an_image_with_its_addons_and_requirements() {
    let bench = Bench::new().await;
    let ended = bench.run("odoo-build", "main", json!({})).await;
    let result = ended.result();
    let instance = bench.instance().await.simple().to_string();
    let name = format!("localhost/odooops/{}/odoo-sample:{}", &instance[..8], &sample_commit()[..12]);
    assert_eq!(result["image"], name);
    assert_eq!(result["commit_sha"], sample_commit());
    assert_eq!(result["branch"], "main");
    assert_eq!(result["author"], "Sample Author <author@example.com>");
    assert_eq!(result["message"].as_str().expect("a message").trim(), "Add sample addons");
    assert_eq!(
        result["modules"],
        json!([
            {"name": "sample_ini", "version": "18.0.1.0.0"},
            {"name": "sample_labels", "version": "18.0.1.0.0"},
            {"name": "sample_notes", "version": "18.0.1.0.0"},
        ])
    );
    let image = result["image_id"].as_str().expect("an id");
    let info = bench.engine.find_image(image).await.expect("the engine").expect("the image");
    assert_eq!(
        info.labels.get("org.opencontainers.image.revision").map(String::as_str),
        Some(sample_commit())
    );
    assert_eq!(info.user, "odoo", "the base image's user is kept");

    let inside = |script: &str| docker(&["run", "--rm", "--entrypoint", "sh", image, "-c", script]);
    assert_eq!(inside("ls /mnt/extra-addons"), "sample_ini\nsample_labels\nsample_notes");
    assert_eq!(
        inside("cat /mnt/extra-addons/sample_notes/static/paper.txt"),
        "A sheet of paper, kept in the filestore."
    );
    assert_eq!(
        inside("python3 -c 'import iniconfig; print(iniconfig.__file__)'"),
        "/opt/odooops/python/iniconfig/__init__.py"
    );
    let root = inside("ls /");
    assert!(!root.contains("odooops"), "the requirements' stage is not in the image: {root}");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_or_commit_builds_as_a_branch_does_and_equal_sources_give_the_same_image() {
    let bench = Bench::new().await;
    let branch = bench.run("odoo-build", "main", json!({})).await;
    let commit = bench.run("odoo-build", sample_commit(), json!({})).await;
    assert_eq!(branch.result()["image_id"], commit.result()["image_id"]);
    assert_eq!(commit.result()["commit_sha"], sample_commit());
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_manifest_is_named_before_anything_is_built() {
    let bench = Bench::new().await;
    let ended = bench.run("odoo-build", "broken/bad-manifest", json!({})).await;
    ended.assert_failed(
        "user",
        "wrong manifest: addons/sample_misprint/__manifest__.py:5: ',' or '}' is missing",
    );
    let built = ended.lines.iter().any(|line| line.contains("Step 1/"));
    assert!(!built, "{}", ended.lines.join("\n"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_that_cannot_be_had_fails_the_build_and_is_named() {
    let bench = Bench::new().await;
    let ended = bench.run("odoo-build", "broken/unknown-requirement", json!({})).await;
    ended.assert_failed("user", "image build failed");
    ended.assert_failed("user", "ERROR: No matching distribution found for iniconfig==99.99.99");
    let named = ended.lines.iter().any(|line| line.contains("iniconfig==99.99.99"));
    assert!(named, "{}", ended.lines.join("\n"));
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_series_is_refused() {
    let bench = Bench::new().await;
    docker(&["tag", STAND_IN, "odooops-standin:17.0"]);
    let ended = bench.run("odoo-build", "main", json!({"image": "odooops-standin:17.0"})).await;
    ended.assert_failed("invalid", "the project is for Odoo 18.0, but image odooops-standin:17.0 has 17.0");
    docker(&["rmi", "odooops-standin:17.0"]);
    bench.close().await;
}
