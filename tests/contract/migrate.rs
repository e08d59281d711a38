//! `migrate` as a whole: at once, twice, forwards only, with few rights, and never through a pooler.

use odooops::contract::migrate::{self, MigrateError, Schema, SqlFile};

use super::fixture::{THINGS, apply, roles, schema, schema_with, value};
use crate::support::pgbouncer::PgBouncer;
use crate::support::postgres::{TestDatabase, connect, server_url};
use crate::support::postgres_roles::PASSWORD;
use crate::support::signals::backend_pid;

const TWICE: (&str, &str) = (
    "sql/things/twice.sql",
    "create or replace function ops.twice(p_n int) returns int language sql as 'select 2 * p_n';",
);

#[tokio::test]
async fn two_migrations_at_once_both_succeed() {
    let database = TestDatabase::empty().await;
    let schema = Schema::embedded();
    let (first, second) = tokio::join!(apply(&database, &schema), apply(&database, &schema));
    let (first, second) = (first.expect("the first"), second.expect("the second"));
    assert_eq!(first.objects, second.objects);
    assert_ne!(first.migrations.is_empty(), second.migrations.is_empty(), "one of them did the work");
}

#[tokio::test]
async fn waiting_for_another_migration_has_an_end_and_a_name() {
    let database = TestDatabase::empty().await;
    let holder = database.superuser().await;
    let pid = backend_pid(&holder).await;
    holder.batch_execute("select pg_advisory_lock(x'6f646f6f6f7073'::bigint)").await.expect("the lock");
    let mut settings = database.superuser_settings();
    settings.call_timeout = std::time::Duration::from_millis(500);
    let refused = migrate::apply(&settings, &schema(&[TWICE])).await.expect_err("somebody else migrates");
    let MigrateError::Busy { waited_secs: 2, holder } = &refused else { panic!("{refused:?}") };
    assert!(holder.contains(&format!("pid {pid} ")), "{refused}");
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let database = TestDatabase::new().await;
    let before = migrate::catalog(&database.superuser_settings()).await.expect("the catalog");
    let applied = apply(&database, &Schema::embedded()).await.expect("migrate again");
    assert!(applied.migrations.is_empty() && applied.dropped.is_empty(), "{applied:?}");
    let after = migrate::catalog(&database.superuser_settings()).await.expect("the catalog");
    assert!(before == after, "the catalog changed");
}

#[tokio::test]
async fn six_databases_may_be_migrated_at_once() {
    // A role that no database has yet, so that all six want to make and grant it.
    let role = format!("odooops_test_six_{}", std::process::id());
    let statements = format!(
        "do $$ begin
           if not exists (select from pg_catalog.pg_roles where rolname = '{role}') then
             create role {role} nologin;
           end if;
           grant {role} to ops_reader;
         end $$;"
    );
    let objects = vec![roles(), SqlFile::new("sql/roles.sql", statements), SqlFile::new(TWICE.0, TWICE.1)];
    let schema = Schema::new(vec![SqlFile::new("migrations/V1__things.sql", THINGS)], objects);
    let mut databases = Vec::new();
    for _ in 0..6 {
        databases.push(TestDatabase::empty().await);
    }
    let all = futures_util::future::join_all(databases.iter().map(|database| apply(database, &schema))).await;
    let server = connect(&server_url()).await;
    server.batch_execute(&format!("drop role if exists {role}")).await.expect("drop the role");
    for outcome in all {
        outcome.expect("each of the six");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = TestDatabase::empty().await;
    let newer = [("migrations/V1__things.sql", THINGS), ("migrations/V2__more.sql", "select 1;")];
    apply(&database, &schema_with(&newer, &[TWICE])).await.expect("the newer one");
    let refused = apply(&database, &schema(&[TWICE])).await.expect_err("the older one");
    assert_eq!(refused, MigrateError::NewerSchema { found: 2, known: 1 });
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE])).await.expect("as released");
    let edited = [("migrations/V1__things.sql", "create table ops.things (id bigint primary key);")];
    let refused = apply(&database, &schema_with(&edited, &[TWICE])).await.expect_err("edited");
    assert_eq!(refused, MigrateError::Edited { migration: "V1__things".to_owned() });
}

#[tokio::test]
async fn a_migration_that_fails_is_named_and_leaves_those_before_it() {
    let database = TestDatabase::empty().await;
    let bad = [("migrations/V1__things.sql", THINGS), ("migrations/V2__bad.sql", "select no_such_column;")];
    let failed = apply(&database, &schema_with(&bad, &[])).await.expect_err("a bad migration");
    let MigrateError::File { file, refusal } = &failed else { panic!("{failed:?}") };
    assert!(file.contains("V2__bad"), "{failed}");
    assert_eq!(refusal.sqlstate, "42703");
    let client = database.superuser().await;
    assert_eq!(
        value(&client, "select max(version)::text from ops.schema_history").await.as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn a_role_without_superuser_can_migrate() {
    let database = TestDatabase::empty().await;
    let migrator = format!("odooops_test_migrator_{}", std::process::id());
    let server = connect(&server_url()).await;
    // As docs/operations.md says: the role, its membership, and the right to make the schema.
    server
        .batch_execute(&format!(
            "drop role if exists {migrator}; create role {migrator} login password '{PASSWORD}';
             grant ops_owner to {migrator};
             grant create on database {} to ops_owner",
            database.name()
        ))
        .await
        .expect("make the migrator");
    let settings = database.settings_as(&migrator);
    let first = migrate::apply(&settings, &Schema::embedded()).await;
    let again = migrate::apply(&settings, &Schema::embedded()).await;
    let drift = migrate::check(&settings).await;
    server.batch_execute(&format!("drop role {migrator}")).await.expect("drop the migrator");
    first.expect("migrate");
    again.expect("migrate again");
    assert_eq!(drift.expect("check"), []);
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_it_lacks() {
    let database = TestDatabase::empty().await;
    let settings = database.settings(crate::support::postgres_roles::Login::Nobody);
    let refused = migrate::apply(&settings, &Schema::embedded()).await.expect_err("no rights");
    assert!(matches!(refused, MigrateError::NotPermitted { .. }), "{refused}");
    assert!(refused.to_string().contains("migrate as a superuser"), "{refused}");
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused() {
    let database = TestDatabase::empty().await;
    let pooler = PgBouncer::start(database.name(), "postgres").await;
    let mut settings = database.superuser_settings();
    settings.url = pooler.url().into();
    let refused = migrate::apply(&settings, &Schema::embedded()).await.expect_err("a pooler");
    assert!(matches!(refused, MigrateError::Pooler { .. }), "{refused}");
    assert!(refused.to_string().contains("direct connection"), "{refused}");
}

#[tokio::test]
async fn a_database_that_is_down_is_unreachable() {
    let mut settings = odooops::contract::DatabaseSettings::new("postgres://u@127.0.0.1:1/db".into());
    settings.connect_timeout = std::time::Duration::from_secs(2);
    let refused = migrate::apply(&settings, &Schema::embedded()).await.expect_err("nobody answers");
    assert!(
        matches!(&refused, MigrateError::Contract(odooops::contract::ContractError::Unreachable(_))),
        "{refused}"
    );
}
