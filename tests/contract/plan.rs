//! The claim reads the claim index and little of it, whatever stands in the table.

use super::scene::{Scene, run, value};

/// Buffers that one claim touches, by the shared counters of the session's own statistics.
async fn buffers_of_a_claim(scene: &Scene) -> i64 {
    let superuser = scene.database.superuser().await;
    run(&superuser, "select ops.claim_next_run('w1')", &[]).await;
    let sql = "explain (analyze, buffers, format json) select * from ops.claim_next_run('w1')";
    let plan: serde_json::Value = value(&superuser, sql, &[]).await;
    plan[0]["Plan"]["Shared Hit Blocks"].as_i64().expect("hits")
        + plan[0]["Plan"]["Shared Read Blocks"].as_i64().expect("reads")
}

async fn queue(scene: &Scene, count: i32, columns: &str, values: &str) {
    let sql = format!(
        "insert into ops.runs (project_id, workflow_id{columns}) select p.id, w.id{values} \
         from ops.projects p, ops.workflows w, generate_series(1, $1) g \
         where p.slug = 'acme' and w.name = 'odoo-test'"
    );
    run(&scene.operator, &sql, &[&count]).await;
}

#[tokio::test]
async fn the_cost_of_a_claim_does_not_grow_with_the_queue() {
    let scene = Scene::new().await;
    queue(&scene, 100, "", "").await;
    let small = buffers_of_a_claim(&scene).await;
    queue(&scene, 10_000, "", "").await;
    let large = buffers_of_a_claim(&scene).await;
    assert!(large <= small + 40, "{small} buffers with 100 runs, {large} with 10,000");
}

#[tokio::test]
async fn the_same_session_stays_cheap_when_the_queue_grows_under_its_plans() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    queue(&scene, 50, "", "").await;
    for _ in 0..10 {
        run(&superuser, "select ops.claim_next_run('w1')", &[]).await;
    }
    queue(&scene, 10_000, "", "").await;
    let sql = "explain (analyze, buffers, format json) select * from ops.claim_next_run('w1')";
    let plan: serde_json::Value = value(&superuser, sql, &[]).await;
    let hits = plan[0]["Plan"]["Shared Hit Blocks"].as_i64().expect("hits");
    assert!(hits < 300, "{hits} buffers");
}

#[tokio::test]
async fn runs_that_cannot_start_cost_a_claim_nothing() {
    let scene = Scene::new().await;
    queue(&scene, 100, "", "").await;
    let without = buffers_of_a_claim(&scene).await;
    queue(&scene, 3_000, ", concurrency_key", ", 'k'").await;
    queue(&scene, 3_000, ", required_labels", ", array['nobody']").await;
    queue(&scene, 3_000, ", not_before", ", now() + interval '1 day'").await;
    let with = buffers_of_a_claim(&scene).await;
    assert!(with <= without + 60, "{without} buffers without, {with} with 9,000 blocked runs");
}

#[tokio::test]
async fn the_readers_of_the_indexes_use_them() {
    let scene = Scene::new().await;
    queue(&scene, 2_000, "", "").await;
    let superuser = scene.database.superuser().await;
    superuser
        .batch_execute("analyze ops.runs; set enable_seqscan = off; set enable_sort = off")
        .await
        .expect("set");
    for (index, sql) in [
        (
            "runs_claim_idx",
            "select id from ops.runs where ready and label_set_id = 0 and priority = 100 \
             and (project_id, id) > ('00000000-0000-0000-0000-000000000000', \
               '00000000-0000-0000-0000-000000000000') order by project_id, id limit 1",
        ),
        ("runs_due_idx", "select id from ops.runs where blocked_by = 'due' and not_before <= now()"),
        ("runs_active_idx", "select id from ops.runs where active and lease_expires_at < now()"),
        (
            "runs_key_idx",
            "select id from ops.runs where project_id = '00000000-0000-0000-0000-000000000000' \
             and concurrency_key = 'k' and label_set_id = 0 and (ready or blocked_by = 'key') \
             order by priority, id limit 1",
        ),
        (
            "runs_limit_idx",
            "select id from ops.runs where project_id = '00000000-0000-0000-0000-000000000000' and limited \
             and label_set_id = 0 and (ready or blocked_by = 'project_limit') order by priority, id limit 1",
        ),
    ] {
        let plan: serde_json::Value = value(&superuser, &format!("explain (format json) {sql}"), &[]).await;
        assert!(plan.to_string().contains(index), "{index} is not read by {sql}: {plan}");
    }
}

#[tokio::test]
async fn start_and_heartbeat_rewrite_no_index() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let superuser = scene.database.superuser().await;
    let hot = "select n_tup_hot_upd, n_tup_upd from pg_stat_xact_user_tables \
         where relid = 'ops.runs'::regclass";
    superuser.batch_execute("begin").await.expect("begin");
    run(&superuser, "select ops.heartbeat_run($1, 'w1', $2)", &[&claim.id, &claim.token]).await;
    let counted = super::scene::row(&superuser, hot, &[]).await;
    assert_eq!((counted.get::<_, i64>(0), counted.get::<_, i64>(1)), (1, 1));
    superuser.batch_execute("commit").await.expect("commit");
    let claim = scene.claimed().await;
    let superuser = scene.database.superuser().await;
    superuser.batch_execute("begin").await.expect("begin");
    run(&superuser, "select ops.start_workflow_run($1, 'w1', $2)", &[&claim.id, &claim.token]).await;
    let counted = super::scene::row(&superuser, hot, &[]).await;
    assert_eq!((counted.get::<_, i64>(0), counted.get::<_, i64>(1)), (1, 1));
    superuser.batch_execute("rollback").await.expect("rollback");
}
