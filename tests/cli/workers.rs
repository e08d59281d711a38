//! `odooops worker …`.

use serde_json::json;

use super::program::{Hands, Program, enqueue, shop};

#[tokio::test]
async fn workers_are_listed_with_what_they_do() {
    let database = shop().await;
    let none = Program::on(&database, &["worker", "list"]).run().await.done();
    assert!(none.contains("odooops worker"), "{none}");
    enqueue(&database, "test").await;
    Hands::on(&database).take().await;
    let table = Program::on(&database, &["worker", "list"]).run().await.done();
    assert!(table.starts_with("WORKER") && table.contains("hand"), "{table}");
    let list = Program::on(&database, &["worker", "list", "--json"]).run().await.json();
    assert_eq!((&list[0]["id"], &list[0]["running"]), (&json!("hand"), &json!(1)));
}

#[tokio::test]
async fn drain_is_asked_for_and_seen() {
    let database = shop().await;
    enqueue(&database, "test").await;
    Hands::on(&database).take().await;
    let drained = Program::on(&database, &["worker", "drain", "hand", "--json"]).run().await.json();
    assert_eq!(drained, json!({"worker": "hand", "drain_requested": true}));
    let list = Program::on(&database, &["worker", "list", "--json"]).run().await.json();
    assert_eq!(list[0]["drain_requested"], true);
}

#[tokio::test]
async fn an_unknown_worker_lists_the_known_ones() {
    let database = shop().await;
    enqueue(&database, "test").await;
    Hands::on(&database).take().await;
    let drain = Program::on(&database, &["worker", "drain", "hadn"]).run().await;
    drain.refused(2, &["no worker hadn", "workers: hand"]);
}
