//! What waits for a run is readied or canceled with it, however much it is.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, run, value};

const LENGTH: i64 = 2_000;

/// Queues runs each of which waits for the one before; gives the first.
async fn chain(scene: &Scene) -> Uuid {
    let superuser = scene.database.superuser().await;
    run(
        &superuser,
        "insert into ops.runs (project_id, workflow_id, max_attempts) select p.id, w.id, 1 \
         from ops.projects p, ops.workflows w, generate_series(1, $1::bigint) \
         where p.slug = 'acme' and w.name = 'odoo-test'",
        &[&LENGTH],
    )
    .await;
    run(
        &superuser,
        "insert into ops.run_dependencies (run_id, depends_on, project_id) \
         select c.id, c.before, c.project_id \
         from (select id, lag(id) over (order by id) as before, project_id from ops.runs) c \
         where c.before is not null",
        &[],
    )
    .await;
    run(
        &superuser,
        "update ops.runs set ready = false, blocked_by = 'dependency' \
         where id in (select run_id from ops.run_dependencies)",
        &[],
    )
    .await;
    value(&superuser, "select min(id::text)::uuid from ops.runs", &[]).await
}

async fn assert_all_canceled(scene: &Scene) {
    let canceled = "select count(*) from ops.runs where status = 'canceled' and failure_reason = 'canceled' \
         and cancel_reason = format('dependency %s did not succeed', \
           (select depends_on from ops.run_dependencies where run_id = id))";
    assert_eq!(value::<i64>(&scene.operator, canceled, &[]).await, LENGTH - 1);
    let events = "select count(*) from ops.run_events where \"to\" = 'canceled' and reason = 'dependency' \
         and detail ? 'depends_on'";
    assert_eq!(value::<i64>(&scene.operator, events, &[]).await, LENGTH - 1);
}

#[tokio::test]
async fn a_long_chain_falls_with_a_failure() {
    let scene = Scene::new().await;
    let first = chain(&scene).await;
    let claim = scene.claim().await;
    assert_eq!(claim.id, first);
    scene.start(claim).await;
    assert_eq!(scene.fail(claim, "user").await, "failed");
    assert_all_canceled(&scene).await;
}

#[tokio::test]
async fn a_long_chain_falls_with_a_lost_run() {
    let scene = Scene::new().await;
    let first = chain(&scene).await;
    assert_eq!(scene.claim().await.id, first);
    assert_eq!(scene.lose_all_leases().await, 1);
    assert_eq!(scene.status(first).await, "failed");
    assert_all_canceled(&scene).await;
}

#[tokio::test]
async fn a_success_readies_what_waits_for_nothing_else() {
    let scene = Scene::new().await;
    let (one, two) = (scene.running().await, scene.running().await);
    let after_one = scene.enqueue(json!({ "depends_on": [one.id] })).await;
    let after_both = scene.enqueue(json!({ "depends_on": [one.id, two.id] })).await;
    let after_that = scene.enqueue(json!({ "depends_on": [after_one] })).await;
    assert_eq!(scene.succeed(one).await, "succeeded");
    assert_eq!(scene.waits_for(after_one).await, "");
    assert_eq!(scene.waits_for(after_both).await, "dependency");
    assert_eq!(scene.waits_for(after_that).await, "dependency");
    assert_eq!(scene.succeed(two).await, "succeeded");
    assert_eq!(scene.waits_for(after_both).await, "");
}
