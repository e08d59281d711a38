//! `migrate` touches what changed and nothing else, and waits for tables in short tries.

use std::time::Duration;

use odooops::contract::DatabaseSettings;
use odooops::contract::migrate::{self, MigrateError, Schema};
use tokio_postgres::Client;

use super::fixture::{apply, schema_with, value};
use crate::support::postgres::TestDatabase;
use crate::support::signals::backend_pid;

const TABLES: (&str, &str) = (
    "migrations/V1__things.sql",
    "create table ops.things (id int primary key); create table ops.others (id int primary key);",
);
const ONE: (&str, &str) =
    ("sql/a/one.sql", "create or replace function ops.one() returns int language sql as 'select 1';");
const TWO: (&str, &str) =
    ("sql/a/two.sql", "create or replace function ops.two() returns int language sql as 'select 2';");
const TWO_AGAIN: (&str, &str) =
    ("sql/a/two.sql", "create or replace function ops.two() returns int language sql as 'select 1 + 1';");
const ON_THINGS: (&str, &str) = (
    "sql/policies/things.sql",
    "alter table ops.things enable row level security;
     create policy all_of_them on ops.things for select to ops_reader using (true);",
);
const ON_THINGS_AGAIN: (&str, &str) = (
    "sql/policies/things.sql",
    "alter table ops.things enable row level security;
     create policy some_of_them on ops.things for select to ops_reader using (id > ops.one());",
);
const ON_OTHERS: (&str, &str) = (
    "sql/policies/others.sql",
    "alter table ops.others enable row level security;
     create policy all_of_them on ops.others for select to ops_reader using (true);",
);

fn with(objects: &[(&'static str, &'static str)]) -> Schema {
    schema_with(&[TABLES], objects)
}

/// Settings that wait for a table for `total` only.
fn patience(database: &TestDatabase, total: Duration) -> DatabaseSettings {
    DatabaseSettings { call_timeout: total / 4, ..database.superuser_settings() }
}

/// A session in a transaction that has read these tables.
async fn reader(database: &TestDatabase, tables: &str) -> Client {
    let client = database.superuser().await;
    let read =
        format!("set application_name = 'a slow report'; begin; lock table {tables} in access share mode");
    client.batch_execute(&read).await.expect("read");
    client
}

/// Every table and view in schema ops.
async fn everything(client: &Client) -> String {
    let sql = "select string_agg(oid::regclass::text, ', ') from pg_class
        where relnamespace = 'ops'::regnamespace and relkind in ('r', 'p', 'v')";
    value(client, sql).await.expect("tables")
}

/// What a row of the catalog was when it was last written.
async fn versions(client: &Client) -> Vec<String> {
    let sql = "select array(select concat(proname, ' ', xmin) from pg_proc
        where pronamespace = 'ops'::regnamespace order by 1)
        || array(select concat(polrelid::regclass, ' ', oid) from pg_policy order by 1)";
    client.query_one(sql, &[]).await.expect("look").get(0)
}

#[tokio::test]
async fn a_migration_that_changes_nothing_waits_for_no_reader() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let before = versions(&client).await;
    let _reader = reader(&database, &everything(&client).await).await;
    let again = migrate::apply(&patience(&database, Duration::from_secs(2)), &Schema::embedded()).await;
    let again = again.expect("nothing is in the way");
    assert!(again.objects > 150 && again.dropped.is_empty(), "{again:?}");
    assert_eq!(versions(&client).await, before);
}

#[tokio::test]
async fn only_changed_files_are_applied_again() {
    let database = TestDatabase::empty().await;
    apply(&database, &with(&[ONE, TWO, ON_THINGS, ON_OTHERS])).await.expect("before");
    let client = database.superuser().await;
    let before = versions(&client).await;
    let applied =
        apply(&database, &with(&[ONE, TWO_AGAIN, ON_THINGS_AGAIN, ON_OTHERS])).await.expect("after");
    assert_eq!(applied.objects, 4);
    assert_eq!(applied.dropped, ["policy all_of_them on ops.things"]);
    let after = versions(&client).await;
    let changed: Vec<&str> = before
        .iter()
        .filter(|line| !after.contains(line))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(changed, ["two", "ops.things"], "{before:?} {after:?}");
}

#[tokio::test]
async fn a_file_whose_object_somebody_changed_is_applied_again() {
    let database = TestDatabase::empty().await;
    let schema = with(&[ONE, TWO, ON_THINGS, ON_OTHERS]);
    apply(&database, &schema).await.expect("before");
    let client = database.superuser().await;
    for (damage, intact, state) in [
        (
            "create or replace function ops.one() returns int language sql as 'select 3'",
            "1",
            "select ops.one()::text",
        ),
        (
            "drop policy all_of_them on ops.things",
            "1",
            "select count(*)::text from pg_policy where polrelid = 'ops.things'::regclass",
        ),
        (
            "alter policy all_of_them on ops.others using (false)",
            "true",
            "select pg_get_expr(polqual, polrelid) from pg_policy where polrelid = 'ops.others'::regclass",
        ),
        (
            "alter table ops.things disable row level security",
            "true",
            "select relrowsecurity::text from pg_class where oid = 'ops.things'::regclass",
        ),
    ] {
        client.batch_execute(damage).await.expect("damage");
        assert_ne!(value(&client, state).await.as_deref(), Some(intact), "{damage}");
        apply(&database, &schema).await.expect("again");
        assert_eq!(value(&client, state).await.as_deref(), Some(intact), "{damage}");
    }
}

#[tokio::test]
async fn a_changed_policy_waits_for_readers_of_its_own_table_only() {
    let database = TestDatabase::empty().await;
    apply(&database, &with(&[ONE, ON_THINGS, ON_OTHERS])).await.expect("before");
    let _reader = reader(&database, "ops.others").await;
    let settings = patience(&database, Duration::from_secs(2));
    let changed = with(&[ONE, ON_THINGS_AGAIN, ON_OTHERS]);
    migrate::apply(&settings, &changed).await.expect("nobody reads things");
    let refused = migrate::apply(&settings, &with(&[ONE, ON_THINGS_AGAIN])).await;
    let refused = refused.expect_err("somebody reads others");
    assert!(matches!(refused, MigrateError::Locked { .. }), "{refused}");
}

#[tokio::test]
async fn a_reader_that_stays_is_waited_for_in_short_tries_and_then_named() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    client.batch_execute("delete from ops.schema_digests").await.expect("forget everything");
    let reader = reader(&database, "ops.runs").await;
    let settings = patience(&database, Duration::from_secs(8));
    let started = std::time::Instant::now();
    let refused = migrate::apply(&settings, &Schema::embedded()).await.expect_err("somebody reads runs");
    let took = started.elapsed();
    let MigrateError::Locked { tries, holders, waited_secs } = &refused else { panic!("{refused:?}") };
    assert!(*tries >= 3, "{tries} tries in {waited_secs} s");
    assert!(took < Duration::from_secs(14), "{took:?}");
    let pid = backend_pid(&reader).await;
    assert!(holders.starts_with(&format!("pid {pid} (a slow report, role ")), "{refused}");
    for part in ["idle in transaction, last statement at ", "AccessShareLock on ops.runs since "] {
        assert!(holders.contains(part), "{refused}");
    }
    assert!(refused.to_string().contains("run `odooops migrate` again"), "{refused}");
    reader.batch_execute("commit").await.expect("the report ends");
    migrate::apply(&settings, &Schema::embedded()).await.expect("nobody is in the way any more");
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("check"), []);
}
