//! The replayed calls succeed on databases that were never migrated: what the tests ask for afterwards is what
//! people have today.

use super::calls;
use super::harness::{A1, A2, A3, Combination, load};
use crate::support::postgres::TestDatabase;

/// An older database whose tables can also be read by the names that they get.
async fn with_new_names(combination: &Combination, tables: &[(&str, &str)]) -> TestDatabase {
    let database = load(combination).await;
    let client = database.superuser().await;
    for (older, new) in tables {
        let view = format!("create view ops.{new} as select * from ops.{older}");
        client.batch_execute(&view).await.expect("a view");
    }
    database
}

#[tokio::test]
async fn ops_ingest_succeeds_before() {
    calls::ops_ingest(&with_new_names(&A1, &[("run_events", "agent_events")]).await).await;
}

#[tokio::test]
async fn executor_succeeds_before() {
    let tables =
        [("runs", "agent_runs"), ("run_events", "agent_events"), ("run_artifacts", "agent_artifacts")];
    calls::executor(&with_new_names(&A2, &tables).await).await;
}

#[tokio::test]
async fn agents_succeed_before() {
    let tables = [("runs", "agent_runs"), ("run_events", "agent_events"), ("artifacts", "agent_artifacts")];
    calls::agents(&with_new_names(&A3, &tables).await).await;
}
