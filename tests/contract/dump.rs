//! `migrate --dump-sql`: the script alone makes what `migrate` makes.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use odooops::contract::migrate::{self, Schema};

use super::fixture::value;
use crate::support::postgres::TestDatabase;

fn psql(database: &TestDatabase, script: &str) -> Output {
    let mut psql = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", "-", &database.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("psql cannot be started ({error}); install it: apt-get install postgresql-client")
        });
    let mut stdin = psql.stdin.take().expect("psql reads");
    let script = script.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(script.as_bytes())));
    let output = psql.wait_with_output().expect("psql ends");
    writer.join().expect("the script is written");
    output
}

#[tokio::test]
async fn the_script_makes_the_same_database() {
    let (dumped, migrated) = (TestDatabase::empty().await, TestDatabase::new().await);
    let script = migrate::dump_sql(&Schema::embedded()).expect("a script");
    let output = psql(&dumped, &script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(migrate::check(&dumped.superuser_settings()).await.expect("check"), []);
    let (one, other) = (dumped.superuser().await, migrated.superuser().await);
    for rows in [
        "select string_agg(format('%s %s %s', version, name, checksum), E'\\n' order by version)
         from ops.schema_history",
        "select string_agg(format('%s %s %s %s', type, identity, view_digest, server_major), E'\\n'
           order by type, identity) from ops.schema_objects",
        "select string_agg(format('%s %s %s', name, kind, definition), E'\\n' order by name)
         from ops.workflows",
    ] {
        let expected = value(&other, rows).await;
        assert!(expected.is_some(), "{rows}");
        assert_eq!(value(&one, rows).await, expected, "{rows}");
    }
    let applied = migrate::apply(&dumped.superuser_settings(), &Schema::embedded()).await.expect("go on");
    assert!(applied.migrations.is_empty() && applied.dropped.is_empty(), "{applied:?}");
}

#[tokio::test]
async fn the_script_refuses_a_database_that_has_the_schema() {
    let database = TestDatabase::new().await;
    let output = psql(&database, &migrate::dump_sql(&Schema::embedded()).expect("a script"));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("has an odooops schema already"), "{said}");
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("check"), []);
}
