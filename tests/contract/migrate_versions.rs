//! Each migration over the rows of a database that is one version behind. Every version has its sample rows
//! in tests/fixtures/migrations.

use std::collections::BTreeMap;
use std::path::Path;

use odooops::contract::migrate::{Schema, SqlFile};
use serde_json::Value;
use tokio_postgres::Client;

use super::fixture::{apply, roles};
use crate::support::postgres::TestDatabase;

/// Every table with its rows.
type Rows = BTreeMap<String, Vec<Value>>;

/// The migrations with their numbers, in order.
fn migrations() -> Vec<(u32, SqlFile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<(u32, SqlFile)> = std::fs::read_dir(folder)
        .expect("the migrations")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let (number, _) = name.strip_prefix('V').and_then(|rest| rest.split_once("__")).expect("V<n>__");
            let sql = std::fs::read_to_string(&path).expect("its text");
            (number.parse().expect("a number"), SqlFile::new(format!("migrations/{name}"), sql))
        })
        .collect();
    files.sort_by_key(|(number, _)| *number);
    files
}

async fn rows(client: &Client) -> Rows {
    let tables = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace
        and c.relkind in ('r', 'p') and not c.relispartition and c.relname !~ '^schema_'";
    let mut all = Rows::new();
    for row in client.query(tables, &[]).await.expect("the tables") {
        let table: String = row.get(0);
        let sql = format!("select to_jsonb(t) from ops.{table} t order by t::text");
        let found = client.query(&sql, &[]).await.expect("its rows");
        all.insert(table, found.iter().map(|row| row.get(0)).collect());
    }
    all
}

/// Whether a row has all the values of another; columns may have been added.
fn covers(after: &Value, before: &Value) -> bool {
    let (Some(after), Some(before)) = (after.as_object(), before.as_object()) else { return false };
    before.iter().all(|(column, value)| after.get(column) == Some(value))
}

/// What is there before and not after.
fn lost(before: &Rows, after: &Rows) -> Vec<String> {
    let gone = |table: &str, row: &Value| {
        !after.get(table).is_some_and(|rows| rows.iter().any(|found| covers(found, row)))
    };
    before
        .iter()
        .flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)))
        .filter(|(table, row)| gone(table, row))
        .map(|(table, row)| format!("{table}: {row}"))
        .collect()
}

#[tokio::test]
async fn every_version_keeps_the_rows_before_it_and_takes_its_own() {
    let database = TestDatabase::empty().await;
    let client = database.superuser().await;
    client.batch_execute("set role ops_owner").await.expect("as whom migrate makes everything");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/migrations");
    let mut so_far: Vec<SqlFile> = Vec::new();
    let mut before = Rows::new();
    for (place, (number, file)) in migrations().into_iter().enumerate() {
        assert_eq!(number as usize, place + 1, "versions have no gaps: {}", file.path);
        so_far.push(file);
        let applied = apply(&database, &Schema::new(so_far.clone(), vec![roles()])).await.expect("apply");
        assert_eq!(applied.migrations.len(), 1, "one version at a time");
        assert_eq!(lost(&before, &rows(&client).await), Vec::<String>::new(), "V{number}");
        let sample = std::fs::read_to_string(samples.join(format!("V{number}.sql")))
            .unwrap_or_else(|error| panic!("tests/fixtures/migrations/V{number}.sql: {error}"));
        client.batch_execute(&sample).await.unwrap_or_else(|error| panic!("V{number}.sql: {error:?}"));
        before = rows(&client).await;
    }
    let empty: Vec<&String> =
        before.iter().filter(|(_, rows)| rows.is_empty()).map(|(name, _)| name).collect();
    assert!(empty.is_empty(), "tables without a sample row: {empty:?}");
    apply(&database, &Schema::embedded()).await.expect("functions, triggers, policies and seeds");
    assert_eq!(lost(&before, &rows(&client).await), Vec::<String>::new(), "sql/");
}

#[test]
fn a_lost_or_changed_row_is_noticed() {
    let table = |rows: Value| Rows::from([("runs".to_owned(), rows.as_array().expect("rows").clone())]);
    let before = table(serde_json::json!([{"id": 1, "a": "x"}, {"id": 2, "a": null}]));
    let kept = table(serde_json::json!([{"id": 2, "a": null, "b": 0}, {"id": 1, "a": "x", "b": 0}]));
    assert!(lost(&before, &kept).is_empty());
    assert_eq!(
        lost(&before, &table(serde_json::json!([{"id": 1, "a": "y"}, {"id": 2, "a": null}]))).len(),
        1
    );
    assert_eq!(lost(&before, &table(serde_json::json!([{"id": 1, "a": "x"}, {"id": 2}]))).len(), 1);
    assert_eq!(lost(&before, &Rows::new()).len(), 2);
}
