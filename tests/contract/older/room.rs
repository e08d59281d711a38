//! Making room for ours: once, whole, and again after whatever went wrong.

use odooops::contract::DatabaseSettings;
use odooops::contract::migrate::{self, MigrateError, Schema, State};
use tokio_postgres::Client;

use super::harness::{self, Combination, load};
use crate::contract::fixture::{apply, value};
use crate::support::postgres::TestDatabase;

/// Refuses the first statement of our first migration, whoever runs it.
const FAIL_V1: &str = "
  create function public.refuse() returns event_trigger language plpgsql as
    $$ begin raise exception 'not today'; end $$;
  create event trigger refuse_types on ddl_command_start when tag in ('CREATE TYPE')
    execute function public.refuse();";

async fn check_is_clean(database: &TestDatabase) {
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("a check"), []);
}

/// The first migration fails after room was made; the next call gets through.
async fn first_migration_fails_once(database: &TestDatabase) {
    let client = database.superuser().await;
    client.batch_execute(FAIL_V1).await.expect("an event trigger");
    let failed = apply(database, &Schema::embedded()).await.expect_err("V1 is refused");
    let MigrateError::File { refusal, .. } = &failed else { panic!("{failed:?}") };
    assert_eq!(refusal.message, "not today");
    let again = apply(database, &Schema::embedded()).await.expect_err("V1 is refused again");
    assert_eq!(again, failed);
    client.batch_execute("drop event trigger refuse_types").await.expect("drop the event trigger");
    let applied = apply(database, &Schema::embedded()).await.expect("migrate");
    assert!(applied.older.is_empty(), "room was made before: {:?}", applied.older);
    check_is_clean(database).await;
}

#[tokio::test]
async fn a_first_migration_that_failed_on_an_empty_database_can_be_repeated() {
    first_migration_fails_once(&TestDatabase::empty().await).await;
}

#[tokio::test]
async fn a_first_migration_that_failed_over_older_tables_can_be_repeated() {
    let database = load(&harness::A1_A3).await;
    let planned = migrate::plan(&database.superuser_settings()).await.expect("a plan");
    first_migration_fails_once(&database).await;
    let done = migrate::plan(&database.superuser_settings()).await.expect("a plan");
    assert_eq!((done.state, done.objects.len()), (State::MigratedOver, planned.objects.len()));
}

#[tokio::test]
async fn an_unknown_table_in_the_way_is_named_and_nothing_happens() {
    let database = load(&harness::A1_A3).await;
    let client = database.superuser().await;
    client.batch_execute("create table ops.workflows (what text)").await.expect("somebody's table");
    let settings = database.superuser_settings();
    let before = objects(&client).await;
    let plan = migrate::plan(&settings).await.expect("a plan");
    assert!(matches!(&plan.problems[..], [one] if one.contains("ops.workflows")), "{:?}", plan.problems);
    let refused = apply(&database, &Schema::embedded()).await.expect_err("it is in the way");
    assert_eq!(refused, MigrateError::InTheWay { problems: plan.problems });
    assert_eq!(objects(&client).await, before);
    client.batch_execute("alter table ops.workflows set schema public").await.expect("as the error says");
    apply(&database, &Schema::embedded()).await.expect("migrate");
    check_is_clean(&database).await;
}

#[tokio::test]
async fn a_table_of_a_types_name_is_in_the_way() {
    let database = TestDatabase::empty().await;
    let client = database.superuser().await;
    client.batch_execute("create schema ops; create table ops.run_row (a int)").await.expect("a table");
    let refused = apply(&database, &Schema::embedded()).await.expect_err("it is in the way");
    assert!(matches!(&refused, MigrateError::InTheWay { problems } if problems[0].contains("ops.run_row")));
}

#[tokio::test]
async fn a_function_that_must_go_and_is_needed_is_named_and_nothing_happens() {
    let database = load(&harness::B).await;
    let client = database.superuser().await;
    client
        .batch_execute("create view public.next_build as select * from ops.claim_next_run('me')")
        .await
        .expect("somebody's view");
    let before = objects(&client).await;
    let refused = apply(&database, &Schema::embedded()).await.expect_err("a dependent");
    let MigrateError::InTheWay { problems } = &refused else { panic!("{refused:?}") };
    assert!(
        matches!(&problems[..], [one] if one.contains("view public.next_build needs it")),
        "{problems:?}"
    );
    assert_eq!(objects(&client).await, before);
}

#[tokio::test]
async fn a_table_in_use_is_waited_for_and_then_its_user_is_named() {
    let database = load(&harness::A3).await;
    let (holder, client) = (database.superuser().await, database.superuser().await);
    holder.batch_execute("begin; select from ops.runs").await.expect("a reader");
    let pid: i32 = holder.query_one("select pg_backend_pid()", &[]).await.expect("a pid").get(0);
    let before = objects(&client).await;
    let settings = DatabaseSettings {
        call_timeout: std::time::Duration::from_millis(500),
        ..database.superuser_settings()
    };
    let refused = migrate::apply(&settings, &Schema::embedded()).await.expect_err("it is in use");
    let MigrateError::Locked { holders, .. } = &refused else { panic!("{refused:?}") };
    assert!(holders.contains("ops.runs") && holders.contains(&format!("pid {pid} ")), "{refused}");
    assert_eq!(objects(&client).await, before);
    holder.batch_execute("commit").await.expect("it ends");
    apply(&database, &Schema::embedded()).await.expect("migrate");
}

#[tokio::test]
async fn what_was_dropped_is_written_down_and_the_new_call_is_said() {
    let database = load(&harness::C).await;
    apply(&database, &Schema::embedded()).await.expect("migrate");
    let client = database.superuser().await;
    let old = "select definition || ' ' || note from ops.older_objects
        where kind = 'function' and older_identity = 'ops.claim_next_run(text)'";
    let old = value(&client, old).await.expect("a definition and a note");
    assert!(old.contains("CREATE OR REPLACE FUNCTION ops.claim_next_run(p_worker_id text)"), "{old}");
    assert!(old.contains("select * from ops.claim_next_run('worker id')"), "{old}");
    let moved = "select count(*)::text from ops_older.runs";
    assert_ne!(value(&client, moved).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn check_names_what_somebody_adds_later() {
    let database = load(&harness::A1_A3).await;
    apply(&database, &Schema::embedded()).await.expect("migrate");
    database
        .superuser()
        .await
        .batch_execute(
            "create function public.spy() returns trigger language plpgsql as 'begin return new; end';
             create trigger spy before insert on ops.agent_runs for each row execute function public.spy();
             create policy theirs on ops.agent_events for select to public using (true);
             grant truncate on ops.agent_artifacts to authenticated;
             alter table ops.agent_runs force row level security;
             drop trigger route_agent_event on ops.run_events;
             create table ops.notes (id int);
             create function ops.extra() returns int language sql as 'select 1';
             alter table ops.deployments add column note text",
        )
        .await
        .expect("changes by hand");
    let drifts = migrate::check(&database.superuser_settings()).await.expect("a check");
    let mut said: Vec<&str> = drifts.iter().map(|drift| drift.object.as_str()).collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "column ops.notes.id",
            "function ops.extra()",
            "policy theirs on ops.agent_events",
            "table ops.agent_artifacts",
            "table ops.agent_runs",
            "table ops.notes",
            "trigger route_agent_event on ops.run_events",
            "trigger spy on ops.agent_runs",
        ]
    );
}

/// The committed catalog of `sql/older/`; `ODOOOPS_UPDATE_CATALOG=1` writes it anew.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/older/catalog.json");

#[tokio::test]
async fn the_committed_catalog_of_compatibility_is_that_of_migrated_databases() {
    let mut settings = Vec::new();
    let mut databases = Vec::new();
    for combination in [&harness::A1_A2, &harness::A1_A3] as [&Combination; 2] {
        let database = load(combination).await;
        apply(&database, &Schema::embedded()).await.expect("migrate");
        settings.push(database.superuser_settings());
        databases.push(database);
    }
    let catalog = migrate::older_catalog(&settings).await.expect("the catalog");
    if std::env::var_os("ODOOOPS_UPDATE_CATALOG").is_some() {
        std::fs::write(CATALOG, &catalog).expect("write sql/older/catalog.json");
    }
    assert!(
        std::fs::read_to_string(CATALOG).unwrap_or_default() == catalog,
        "sql/older/catalog.json is stale; run: ODOOOPS_UPDATE_CATALOG=1 cargo test --test odooops the_committed_catalog"
    );
}

/// Everything in schema `ops`, with its owner and rights.
async fn objects(client: &Client) -> Vec<String> {
    let rows = client
        .query(
            "select format('%s %s %s', relname, relowner::regrole, relacl) from pg_class
             where relnamespace = 'ops'::regnamespace
             union all
             select format('%s %s', oid::regprocedure, proacl) from pg_proc
             where pronamespace = 'ops'::regnamespace
             union all
             select format('%s %s', nspname, nspowner::regrole) from pg_namespace where nspname ~ '^ops'
             order by 1",
            &[],
        )
        .await
        .expect("list objects");
    rows.iter().map(|row| row.get(0)).collect()
}
