//! What is no backup: each fault by its name, and never a manifest.

use serde_json::json;

use super::bench::{Bench, Ended, STAND_IN};
use super::odoo_server::Production;

async fn back_up(bench: &Bench, database: &str) -> Ended {
    let ended = bench.run("odoo-backup", "main", json!({"database": database})).await;
    let keys = bench.artifact_keys(ended.id).await;
    let whole = keys.iter().any(|key| key == "backup/manifest.json");
    assert_eq!(whole, ended.run["status"] == "succeeded", "a manifest stands for a backup: {keys:?}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_attachment_file_fails_the_backup_by_its_name() {
    let production = Production::install(STAND_IN, "base").await;
    let volume = format!("volume:{}", production.volume);
    let bench = Bench::with(|odoo| odoo.data_dir = Some(volume)).await;
    assert_eq!(back_up(&bench, &production.database).await.result()["attachments"], 2);

    let name = "select store_fname from ir_attachment order by 1 limit 1";
    let name: String = production.client().await.query_one(name, &[]).await.expect("a file").get(0);
    let path = format!("/var/lib/odoo/filestore/{}/{name}", production.database);
    production.run(&["sh", "-c", &format!("echo changed > {path}")]).await;
    let corrupt = back_up(&bench, &production.database).await;
    assert_eq!(corrupt.result()["corrupt"], 1);
    assert!(!corrupt.lines.iter().any(|line| line.contains("is whole")), "{}", corrupt.lines.join("\n"));
    let keys = bench.artifact_keys(corrupt.id).await;
    assert!(keys.iter().any(|key| key == "backup/filestore-2.tar"), "it was not read again: {keys:?}");
    let told =
        corrupt.lines.iter().any(|line| line.contains("differ from their checksum") && line.contains(&name));
    assert!(told, "{}", corrupt.lines.join("\n"));

    production.run(&["rm", &path]).await;
    back_up(&bench, &production.database).await.assert_failed("user", &name);
    production.run(&["rm", "-r", &format!("/var/lib/odoo/filestore/{}", production.database)]).await;
    back_up(&bench, &production.database).await.assert_failed("user", "filestore");
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_backed_up_is_told_why() {
    let bench = Bench::new().await;
    let production = Production::install(STAND_IN, "base").await;
    for (database, message) in [
        (production.database.as_str(), "ODOOOPS_ODOO_DATA is not set"),
        ("odooops_never_made", "there is no database \"odooops_never_made\""),
        ("postgres", "was never initialised by Odoo"),
        ("-x", "letters, digits"),
        ("a b", "letters, digits"),
    ] {
        back_up(&bench, database).await.assert_failed("invalid", message);
    }
    let none = bench.run("odoo-backup", "main", json!({})).await;
    none.assert_failed("invalid", "no database is named");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_kept_elsewhere_are_refused() {
    let bench = Bench::new().await;
    let production = Production::install(STAND_IN, "base").await;
    let client = production.client().await;
    client.batch_execute("update ir_attachment set store_fname = 's3://bucket/x'").await.expect("moved");
    back_up(&bench, &production.database).await.assert_failed("invalid", "s3://bucket/x");
    bench.close().await;
}
