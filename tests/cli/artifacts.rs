//! `odooops artifact …`, on a store in a directory.

use odooops::contract::NewArtifact;
use odooops::store::{ObjectKey, Store};
use serde_json::json;

use super::program::{Hands, Program, enqueue, shop};
use crate::support::postgres::TestDatabase;

struct Kept {
    database: TestDatabase,
    dir: tempfile::TempDir,
    store_url: String,
}

/// A run with the artifact `report/summary.txt`.
async fn kept() -> Kept {
    let database = shop().await;
    let dir = tempfile::tempdir().expect("a directory");
    let store_url = format!("file://{}/store", dir.path().display());
    enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    let store = Store::open(&store_url).await.expect("a store");
    let key = ObjectKey::artifact("shop", run.id.0, run.attempt, "report/summary.txt").expect("a key");
    let stored = store.put(&key, Some("text/plain"), &b"all green\n"[..]).await.expect("stored");
    let artifact = NewArtifact {
        artifact_key: "report/summary.txt".to_owned(),
        s3_url: stored.url,
        size_bytes: Some(10),
        sha256: Some(stored.sha256),
        content_type: Some("text/plain".to_owned()),
        expires_at: None,
        metadata: json!({}),
    };
    hands.contract.add_run_artifact(run.id, &artifact, Some(run.claim_token)).await.expect("recorded");
    Kept { database, dir, store_url }
}

impl Kept {
    fn program(&self, arguments: &[&str]) -> Program {
        Program::on(&self.database, arguments)
            .env("ODOOOPS_STORE_URL", &self.store_url)
            .current_dir(self.dir.path())
    }
}

#[tokio::test]
async fn artifacts_are_listed_with_size_and_place() {
    let kept = kept().await;
    let table = kept.program(&["artifact", "list", "shop#1"]).run().await.done();
    assert!(table.contains("report/summary.txt") && table.contains("10 B"), "{table}");
    let list = kept.program(&["artifact", "list", "shop#1", "--json"]).run().await.json();
    assert_eq!(
        (&list[0]["artifact_key"], &list[0]["size_bytes"]),
        (&json!("report/summary.txt"), &json!(10))
    );
}

#[tokio::test]
async fn get_writes_a_file_named_by_the_end_of_the_key_and_not_over_another() {
    let kept = kept().await;
    let get = ["artifact", "get", "shop#1", "report/summary.txt"];
    let said = kept.program(&get).run().await.done();
    assert!(said.contains("summary.txt"), "{said}");
    let text = std::fs::read_to_string(kept.dir.path().join("summary.txt")).expect("the file");
    assert_eq!(text, "all green\n");
    kept.program(&get).run().await.refused(2, &["is there already", "--force"]);
    let forced = [&get[..], &["--force", "--json"]].concat();
    assert_eq!(kept.program(&forced).run().await.json()["file"], "summary.txt");
    let piped = [&get[..], &["-o", "-"]].concat();
    assert_eq!(kept.program(&piped).run().await.done(), "all green\n");
}

#[tokio::test]
async fn a_damaged_artifact_leaves_no_file_and_ends_with_3() {
    let kept = kept().await;
    let url = kept.program(&["artifact", "url", "shop#1", "report/summary.txt"]).run().await.done();
    let object = url.trim_end().strip_prefix("file://").expect("a file URL").to_owned();
    std::fs::write(object, "all wrong\n").expect("damage");
    let get = ["artifact", "get", "shop#1", "report/summary.txt"];
    kept.program(&get).run().await.refused(3, &["damaged"]);
    assert!(!kept.dir.path().join("summary.txt").exists());
    assert!(!kept.dir.path().join("summary.txt.part").exists());
}

#[tokio::test]
async fn url_says_where_it_can_be_fetched() {
    let kept = kept().await;
    let url = kept.program(&["artifact", "url", "shop#1", "report/summary.txt", "--json"]).run().await.json();
    assert!(url["url"].as_str().is_some_and(|url| url.starts_with("file://")), "{url}");
    assert_eq!(url["expires_secs"], 3600);
}

#[tokio::test]
async fn an_unknown_artifact_lists_the_known_ones() {
    let kept = kept().await;
    let get = ["artifact", "get", "shop#1", "report/sumary.txt"];
    kept.program(&get).run().await.refused(2, &["shop#1 has no artifact", "report/summary.txt"]);
}

#[tokio::test]
async fn without_a_store_the_variable_to_set_is_named() {
    let kept = kept().await;
    let get = ["artifact", "get", "shop#1", "report/summary.txt"];
    Program::on(&kept.database, &get).run().await.refused(2, &["ODOOOPS_STORE_URL", "file:///"]);
}
