//! Test databases on the Odoo server: ours are found and dropped, others' are left alone.

use odooops::action::odoo_db::{OdooDb, OdooDbError, drop_database, list_test_databases};
use serde_json::json;
use uuid::Uuid;

use super::bench::Bench;
use super::odoo_server::{odoo_server, superuser};

/// A database as a worker that died would have left it.
async fn leave(name: &str, comment: &str) {
    let client = superuser("postgres").await;
    client.batch_execute(&format!("create database {name}")).await.expect("made");
    client.batch_execute(&format!("alter database {name} owner to odooops_test_odoo")).await.expect("owned");
    client.batch_execute(&format!("comment on database {name} is '{comment}'")).await.expect("labelled");
}

async fn exists(name: &str) -> bool {
    let sql = "select exists (select from pg_database where datname = $1)";
    superuser("postgres").await.query_one(sql, &[&name]).await.expect("an answer").get(0)
}

fn labels(instance: Uuid, run: Uuid) -> String {
    json!({"instance": instance, "run": run, "attempt": 1, "worker": "dead", "expires": 1}).to_string()
}

fn name_of(instance: Uuid, run: Uuid) -> String {
    format!("odooops_{}_{}_1", &instance.simple().to_string()[..8], run.simple())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_janitor_drops_what_a_dead_worker_left_and_nothing_of_others() {
    let bench = Bench::new().await;
    let (instance, other) = (bench.instance().await, Uuid::new_v4());
    let [ours, unfinished, theirs, foreign] = [(); 4].map(|()| Uuid::now_v7());
    let ours_name = name_of(instance, ours);
    let unfinished_name = name_of(instance, unfinished);
    let kept = [name_of(other, theirs), name_of(instance, foreign)];
    leave(&kept[0], &labels(other, theirs)).await;
    leave(&kept[1], "production, do not touch").await;
    leave(&ours_name, &labels(instance, ours)).await;
    let create = format!("create database {unfinished_name} owner odooops_test_odoo");
    superuser("postgres").await.batch_execute(&create).await.expect("made without a comment");
    for name in [&ours_name, &unfinished_name] {
        bench.until("our leftover is dropped", async || (!exists(name).await).then_some(())).await;
    }
    for name in &kept {
        assert!(exists(name).await, "{name} was dropped");
        drop_database(&bench.odoo_url, name).await.expect("dropped by hand");
    }
    bench.close().await;
}

#[tokio::test]
async fn only_databases_whose_name_and_label_agree_are_ours() {
    let url = odoo_server().await;
    let (instance, run) = (Uuid::new_v4(), Uuid::now_v7());
    let disguised = format!("odooops_renamed_{}", &run.simple().to_string()[20..]);
    leave(&disguised, &labels(instance, run)).await;
    let found = list_test_databases(&url, instance).await.expect("listed");
    superuser("postgres").await.batch_execute(&format!("drop database {disguised}")).await.expect("dropped");
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_apart_from_a_missing_database() {
    let nobody = "postgres://odoo:a-password@127.0.0.1:1/postgres".into();
    let Err(error) = OdooDb::connect(&nobody, "postgres").await else { panic!("connected to nobody") };
    assert!(matches!(error, OdooDbError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("a-password"), "{error}");
    let Err(error) = OdooDb::connect(&odoo_server().await, "odooops_never_made").await else {
        panic!("connected to a database that is not there")
    };
    assert!(matches!(error, OdooDbError::NoDatabase { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal_without_the_password() {
    let server = odoo_server().await;
    let url =
        secrecy::ExposeSecret::expose_secret(&server).replace("odooops-test-odoo-password", "wrong-one");
    let Err(error) = OdooDb::connect(&url.into(), "postgres").await else { panic!("let in") };
    assert!(matches!(error, OdooDbError::Refused { .. }), "{error}");
    assert!(!error.to_string().contains("wrong-one"), "{error}");
}
