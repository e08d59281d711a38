//! Every combination of older generations that projects have: planned, migrated over, compared row by row, and used as
//! before.

use odooops::contract::migrate::{self, Plan, Schema, State};
use tokio_postgres::Client;

use super::calls;
use super::harness::{self, Combination, load};
use super::snapshot::{Places, after, assert_nothing_lost, before};
use crate::support::postgres::TestDatabase;

/// Plans, migrates, and migrates again; nothing that people had is lost by any of it.
async fn migrated(combination: &Combination) -> TestDatabase {
    let database = load(combination).await;
    let client = database.superuser().await;
    let settings = database.superuser_settings();
    let had = before(&client).await;

    let plan = migrate::plan(&settings).await.expect("a plan");
    assert_eq!(plan.state, State::Older);
    assert_eq!(plan.problems, [] as [String; 0]);
    assert_nothing_lost(&had, &after(&client, &had, &Places::default()).await);

    migrate::apply(&settings, &Schema::embedded()).await.expect("migrate over it");
    let places = Places::of_database(&client).await;
    assert!(
        places == Places::of_plan(&plan),
        "the plan said {:?}, it became {places:?}",
        Places::of_plan(&plan)
    );
    assert_nothing_lost(&had, &after(&client, &had, &places).await);
    no_more_than_reading_and_writing(&client).await;
    settled(&database, &plan).await;
    assert_nothing_lost(&had, &after(&client, &had, &places).await);
    database
}

/// `--check` finds nothing, migrating again does nothing, and the plan says what was done when.
async fn settled(database: &TestDatabase, plan: &Plan) {
    let settings = database.superuser_settings();
    assert_eq!(migrate::check(&settings).await.expect("a check"), []);
    let again = migrate::apply(&settings, &Schema::embedded()).await.expect("migrate again");
    assert_eq!((again.migrations, again.dropped), (Vec::new(), Vec::new()));
    assert_eq!(migrate::check(&settings).await.expect("a check"), []);
    let done = migrate::plan(&settings).await.expect("a plan of what was done");
    assert_eq!(done.state, State::MigratedOver);
    assert_eq!(done.generations, plan.generations);
    assert!(done.objects.iter().all(|object| object.made_at.is_some()), "{done:?}");
    let fates = |plan: &Plan| {
        let mut fates: Vec<_> =
            plan.objects.iter().map(|o| (o.kind.clone(), o.older.clone(), o.fate, o.now.clone())).collect();
        fates.sort();
        fates
    };
    assert_eq!(fates(&done), fates(plan));
}

/// Nothing of older callers stays in the audit trail.
async fn audit_trail_is_clean(database: &TestDatabase) {
    let events =
        database.superuser().await.query("select from ops.run_events", &[]).await.expect("read events");
    assert_eq!(events.len(), 0);
}

/// Who is neither superuser nor ours may not truncate, reference or put triggers on what we adopted.
async fn no_more_than_reading_and_writing(client: &Client) {
    let held = client
        .query(
            "select c.oid::regclass::text, a.grantee::regrole::text, a.privilege_type
             from pg_class c, aclexplode(c.relacl) a
             where c.relnamespace = 'ops'::regnamespace and c.relname like 'agent\\_%'
               and c.relowner = 'ops_owner'::regrole and a.grantee <> c.relowner
               and a.privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES')",
            &[],
        )
        .await
        .expect("read rights");
    assert!(held.is_empty(), "{held:?}");
}

#[tokio::test]
async fn over_a1() {
    let database = migrated(&harness::A1).await;
    calls::ops_ingest(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_a2() {
    let database = migrated(&harness::A2).await;
    calls::executor(&database).await;
    calls::forged_events(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_a3() {
    let database = migrated(&harness::A3).await;
    calls::agents(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_a1_and_a3() {
    let database = migrated(&harness::A1_A3).await;
    calls::ops_ingest(&database).await;
    calls::agents(&database).await;
    calls::forged_events(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_a1_and_a2() {
    let database = migrated(&harness::A1_A2).await;
    calls::ops_ingest(&database).await;
    calls::executor(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_b() {
    migrated(&harness::B).await;
}

#[tokio::test]
async fn over_c() {
    migrated(&harness::C).await;
}

#[tokio::test]
async fn over_a1_a3_and_b() {
    let database = migrated(&harness::A1_A3_B).await;
    calls::ops_ingest(&database).await;
    calls::agents(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_a1_a3_and_c() {
    let database = migrated(&harness::A1_A3_C).await;
    calls::ops_ingest(&database).await;
    calls::agents(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_the_rename_and_c() {
    let database = migrated(&harness::RENAMED_C).await;
    calls::agents(&database).await;
    audit_trail_is_clean(&database).await;
}

#[tokio::test]
async fn over_the_rename_with_a1_and_c() {
    let database = migrated(&harness::A1_RENAMED_C).await;
    calls::agents(&database).await;
    calls::ops_ingest(&database).await;
    audit_trail_is_clean(&database).await;
}
