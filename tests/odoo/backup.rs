//! `odoo-backup`: dump, filestore and manifest, proven by restoring them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::bench::{Bench, STAND_IN};
use super::odoo_server::{Production, superuser};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_and_restores() {
    assert_backup_is_whole(STAND_IN).await;
}

/// Builds the sample image on `base`, installs it, backs the database up and restores the backup.
pub(super) async fn assert_backup_is_whole(base: &str) {
    let builder = Bench::with(|odoo| odoo.image = Some(base.to_owned())).await;
    let built = builder.run("odoo-build", "main", json!({})).await;
    let image = built.result()["image_id"].as_str().expect("an id").to_owned();
    builder.close().await;
    let production = Production::install(&image, "sample_notes").await;
    let volume = format!("volume:{}", production.volume);
    let bench = Bench::with(|odoo| {
        odoo.image = Some(image);
        odoo.data_dir = Some(volume);
    })
    .await;

    let ended = bench.run("odoo-backup", "main", json!({"database": production.database})).await;
    let result = ended.result();
    assert_eq!(result["database"], production.database);
    assert_eq!(
        bench.artifact_keys(ended.id).await,
        ["backup/database.dump", "backup/filestore.tar", "backup/manifest.json"]
    );
    let manifest_path = bench.artifact_path(ended.id, "backup/manifest.json").await;
    assert_eq!(result["backup"], format!("file://{}", manifest_path.display()));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(manifest_path).expect("a manifest")).expect("JSON");
    assert_eq!(manifest["odoo"]["modules"]["sample_notes"], "18.0.1.0.0");
    assert_eq!(manifest["odoo"]["version"], "18.0");
    assert_eq!(manifest["database"]["uuid"].as_str().map(str::len), Some(36));
    assert_eq!(manifest["filestore"]["corrupt"], json!([]));
    for (key, file) in [
        ("backup/database.dump", &manifest["database"]["dump"]),
        ("backup/filestore.tar", &manifest["filestore"]["archive"]),
    ] {
        let bytes = std::fs::read(bench.artifact_path(ended.id, key).await).expect(key);
        assert_eq!(file["size_bytes"], bytes.len(), "{key}");
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)), "{key}");
    }
    let filestore = bench.artifact_path(ended.id, "backup/filestore.tar").await;
    let dump = bench.artifact_path(ended.id, "backup/database.dump").await;
    assert_restores(&production, &dump, &filestore).await;
    bench.assert_nothing_left().await;
    bench.close().await;
}

/// The dump restores with errors fatal, and each attachment of the restored database is in the archive.
async fn assert_restores(production: &Production, dump: &Path, filestore: &Path) {
    let restored = format!("{}_restored", production.database);
    let maintenance = superuser("postgres").await;
    maintenance.batch_execute(&format!("create database {restored}")).await.expect("an empty database");
    let mut url = crate::support::postgres::server_url();
    url.set_path(&restored);
    let output = Command::new("pg_restore")
        .args(["--exit-on-error", "--no-owner", "--dbname", url.as_str()])
        .arg(dump)
        .output()
        .expect("the pg_restore program: apt-get install postgresql-client");
    let client = superuser(&restored).await;
    let count = |table: &'static str| format!("select count(*) from {table}");
    let mut counts = Vec::new();
    for table in ["ir_attachment", "ir_module_module", "sample_note", "res_partner"] {
        let before: i64 = production.client().await.query_one(&count(table), &[]).await.expect(table).get(0);
        let after = client.query_one(&count(table), &[]).await.map(|row| row.get::<_, i64>(0)).ok();
        counts.push((table, Some(before), after));
    }
    let names = "select distinct store_fname from ir_attachment where store_fname is not null";
    let names = client.query(names, &[]).await.expect("attachments");
    let names: Vec<String> = names.iter().map(|row| row.get(0)).collect();
    drop(client);
    maintenance.batch_execute(&format!("drop database {restored} with (force)")).await.expect("dropped");

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (table, before, after) in counts {
        assert_eq!(before, after, "{table}");
    }
    let mut archive = tar::Archive::new(std::fs::File::open(filestore).expect("the filestore"));
    let files: Vec<String> = archive
        .entries()
        .expect("an archive")
        .map(|entry| entry.expect("a member").path().expect("a name").display().to_string())
        .collect();
    assert!(names.len() > 1, "{names:?}");
    for name in names {
        assert!(
            files.iter().any(|file| file.trim_start_matches("./") == name),
            "{name} is not in the archive"
        );
    }
}
