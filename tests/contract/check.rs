//! `migrate --check`: one test for each way in which a database can stop being what we made.

use odooops::contract::migrate::{self, Difference, Drift, MigrateError, Schema};
use serde_json::Value;

use super::fixture::apply;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

/// The committed catalog; `ODOOOPS_UPDATE_CATALOG=1` writes it anew.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/catalog.json");

async fn drift(database: &TestDatabase) -> Vec<Drift> {
    migrate::check(&database.superuser_settings()).await.expect("check")
}

/// The drift after somebody's statement on a migrated database.
async fn drift_after(statement: &str) -> Vec<Drift> {
    let database = TestDatabase::new().await;
    database.superuser().await.batch_execute(statement).await.expect("change something by hand");
    drift(&database).await
}

/// Exactly one property of one object changed.
fn only_change(drifts: &[Drift]) -> (&str, &str, &Value) {
    match drifts {
        [Drift { object, difference: Difference::Changed { property, found, .. } }] => {
            (object, property, found)
        }
        other => panic!("one changed property was expected: {other:#?}"),
    }
}

#[tokio::test]
async fn the_committed_catalog_is_that_of_a_migrated_database() {
    let database = TestDatabase::new().await;
    let catalog = migrate::catalog(&database.superuser_settings()).await.expect("the catalog");
    if std::env::var_os("ODOOOPS_UPDATE_CATALOG").is_some() {
        std::fs::write(CATALOG, &catalog).expect("write sql/catalog.json");
    }
    let committed = std::fs::read_to_string(CATALOG).unwrap_or_default();
    assert!(
        committed == catalog,
        "sql/catalog.json is stale; run: ODOOOPS_UPDATE_CATALOG=1 cargo test --test odooops \
         the_committed_catalog_is_that_of_a_migrated_database"
    );
}

#[tokio::test]
async fn a_migrated_database_has_no_drift() {
    assert_eq!(drift_after("select 1").await, []);
}

#[tokio::test]
async fn a_month_and_a_project_later_there_is_no_drift() {
    let drifts = drift_after("select ops.ensure_partitions(); select ops.put_project('later');");
    assert_eq!(drifts.await, []);
}

#[tokio::test]
async fn a_hand_edited_body_is_found() {
    let drifts = drift_after(
        "create or replace function ops.container_verdict(p_instance uuid, p_run_id uuid, p_attempt int)
         returns text language sql stable security definer set search_path = '' as $$ select 'remove' $$;
         alter function ops.container_verdict owner to ops_owner",
    )
    .await;
    assert!(
        drifts.iter().any(|drift| drift.object.starts_with("function ops.container_verdict(")
            && matches!(&drift.difference, Difference::Changed { property, .. } if property == "body")),
        "{drifts:#?}"
    );
}

#[tokio::test]
async fn a_lost_security_definer_is_found() {
    let drifts = drift_after("alter function ops.claim_next_run security invoker").await;
    let (object, property, found) = only_change(&drifts);
    assert!(object.starts_with("function ops.claim_next_run("), "{object}");
    assert_eq!((property, found), ("security_definer", &Value::Bool(false)));
}

#[tokio::test]
async fn a_lost_search_path_is_found() {
    let drifts = drift_after("alter function ops.claim_next_run reset search_path").await;
    assert_eq!(only_change(&drifts).1, "settings");
}

#[tokio::test]
async fn an_extra_grant_is_found_wherever_it_is() {
    for statement in [
        "grant execute on function ops.put_project to public",
        "grant update on ops.runs to ops_reader",
        "grant update (status) on ops.runs to authenticated",
        "grant create on schema ops to ops_worker",
    ] {
        let drifts = drift_after(statement).await;
        assert_eq!(only_change(&drifts).1, "grants", "{statement}");
    }
}

#[tokio::test]
async fn a_dropped_or_widened_policy_is_found() {
    let drifts = drift_after("drop policy members_read on ops.projects").await;
    assert_eq!(drifts, [missing("policy members_read on ops.projects")]);
    let drifts = drift_after("alter policy members_read on ops.projects using (true)").await;
    assert_eq!(only_change(&drifts).1, "using");
    let drifts = drift_after("alter table ops.projects disable row level security").await;
    assert_eq!(only_change(&drifts).1, "row_security");
}

#[tokio::test]
async fn a_disabled_trigger_is_found() {
    let drifts = drift_after("alter table ops.run_events disable trigger refuse_change").await;
    let (object, property, found) = only_change(&drifts);
    assert_eq!(object, "trigger refuse_change on ops.run_events");
    assert_eq!((property, found), ("enabled", &Value::from("D")));
}

#[tokio::test]
async fn a_missing_index_is_found_and_migrate_does_not_hide_it() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    client.batch_execute("drop index ops.run_events_run_idx").await.expect("drop an index");
    let expected = [missing("index ops.run_events_run_idx")];
    assert_eq!(drift(&database).await, expected);
    apply(&database, &Schema::embedded()).await.expect("migrate");
    assert_eq!(drift(&database).await, expected);
}

#[tokio::test]
async fn a_single_partition_that_is_not_like_its_table_is_found() {
    let name = "select relname::text from pg_class where relispartition and relkind = 'r'
        and relname ~ '^run_events_' order by relname limit 1";
    for (damage, property) in [
        ("drop trigger refuse_truncate on ops.{}", "is missing"),
        ("alter table ops.{} disable trigger refuse_change", "definition is "),
        ("alter table ops.{} disable row level security", "row_security is \"false\", should be \"true\""),
        ("grant select on ops.{} to ops_reader", "grants is \"ops_reader: SELECT\", should be \"\""),
        ("create policy theirs on ops.{} using (true)", "should not be there"),
        ("alter table ops.{} owner to postgres", "owner is \"postgres\""),
    ] {
        let database = TestDatabase::new().await;
        let client = database.superuser().await;
        let partition: String = client.query_one(name, &[]).await.expect("a partition").get(0);
        client.batch_execute(&damage.replace("{}", &partition)).await.expect("damage");
        let drifts = drift(&database).await;
        let said: Vec<String> = drifts.iter().map(ToString::to_string).collect();
        assert!(
            said.len() == 1 && said[0].contains(&format!("ops.{partition}: {property}")),
            "{damage}: {said:#?}"
        );
    }
}

#[tokio::test]
async fn a_missing_index_of_a_single_partition_is_found() {
    // Postgres keeps the index of a partition while the table has one, but not its validity.
    let drifts = drift_after(
        "update pg_index set indisvalid = false where indexrelid = (
           select min(i.inhrelid) from pg_inherits i where i.inhparent = 'ops.run_events_run_idx'::regclass)",
    )
    .await;
    let said: Vec<String> = drifts.iter().map(ToString::to_string).collect();
    assert!(
        said.len() == 1 && said[0].starts_with("index ops.run_events_run_idx on ops.run_events_"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn a_changed_table_is_found() {
    let drifts = drift_after(
        "alter table ops.runs alter column priority set default 1;
         alter table ops.runs add column note text;
         alter table ops.run_artifacts drop constraint run_artifacts_size_not_negative",
    )
    .await;
    let said: Vec<String> = drifts.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|line| line.starts_with("column ops.runs.priority: default is \"1\"")),
        "{said:#?}"
    );
    assert!(said.contains(&"column ops.runs.note: should not be there".to_owned()), "{said:#?}");
    assert!(
        said.contains(
            &"constraint run_artifacts_size_not_negative on ops.run_artifacts: is missing".to_owned()
        ),
        "{said:#?}"
    );
}

#[tokio::test]
async fn a_hand_edited_view_is_found() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let body = "select replace(pg_get_viewdef('ops.project_overview'), 'p.slug', 'upper(p.slug) as slug')";
    let body: String = client.query_one(body, &[]).await.expect("the view").get(0);
    client
        .batch_execute(&format!(
            "create or replace view ops.project_overview with (security_invoker) as {body}"
        ))
        .await
        .expect("edit the view");
    let drifts = drift(&database).await;
    assert!(
        drifts.iter().any(|drift| drift.object == "view ops.project_overview"
            && matches!(&drift.difference, Difference::Changed { property, .. } if property == "body")),
        "{drifts:#?}"
    );
    apply(&database, &Schema::embedded()).await.expect("migrate");
    assert_eq!(drift(&database).await, []);
}

#[tokio::test]
async fn functions_triggers_and_policies_are_repaired_by_migrate() {
    let database = TestDatabase::new().await;
    let damage = "alter function ops.claim_next_run security invoker;
         grant execute on function ops.claim_next_run to public;
         drop policy members_read on ops.projects;
         alter table ops.run_events disable trigger refuse_change";
    database.superuser().await.batch_execute(damage).await.expect("damage");
    assert_eq!(drift(&database).await.len(), 4);
    apply(&database, &Schema::embedded()).await.expect("migrate");
    assert_eq!(drift(&database).await, []);
}

#[tokio::test]
async fn a_database_without_our_schema_lacks_every_migration() {
    let database = TestDatabase::empty().await;
    let drifts = drift(&database).await;
    assert!(!drifts.is_empty());
    assert!(drifts.iter().all(|drift| drift.object.starts_with("migration V")), "{drifts:#?}");
}

#[tokio::test]
async fn a_newer_database_is_refused_by_the_check() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    client
        .batch_execute("insert into ops.schema_history (version, name, checksum) values (9999, 'later', '1')")
        .await
        .expect("pretend to be newer");
    let refused = migrate::check(&database.superuser_settings()).await.expect_err("newer");
    assert!(matches!(refused, MigrateError::NewerSchema { found: 9999, .. }), "{refused}");
}

#[tokio::test]
async fn the_check_needs_no_superuser() {
    let database = TestDatabase::new().await;
    let drifts = migrate::check(&database.settings(Login::Operator)).await;
    assert!(drifts.is_ok(), "{drifts:?}");
}

fn missing(object: &str) -> Drift {
    Drift { object: object.to_owned(), difference: Difference::Missing }
}
