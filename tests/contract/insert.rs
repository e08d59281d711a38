//! `insert into ops.runs`: what a shell script does, one row or a hundred thousand.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, code, row, run, value, values};

const INSERT: &str = "insert into ops.runs (project_id, workflow_id, git_ref, commit_sha, input) \
     select p.id, w.id, 'main', 'abc123', '{}' from ops.projects p, ops.workflows w \
     where p.slug = 'acme' and w.name = 'odoo-build' returning id, run_number";

#[tokio::test]
async fn nothing_else_has_to_be_known() {
    let scene = Scene::new().await;
    let inserted = row(&scene.operator, INSERT, &[]).await;
    let id: Uuid = inserted.get(0);
    assert_eq!(inserted.get::<_, i64>(1), 1);
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(scene.status(id).await, "queued");
    assert_eq!(scene.column(id, "triggered_by").await, "role:odooops_test_operator");
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn run_numbers_count_in_each_project() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    scene.queued().await;
    scene.queued().await;
    scene.enqueue_in("b", json!({})).await;
    let sql =
        "select p.slug || r.run_number from ops.runs r join ops.projects p on p.id = r.project_id order by 1";
    assert_eq!(values::<String>(&scene.operator, sql, &[]).await, ["acme1", "acme2", "b1"]);
}

#[tokio::test]
async fn workers_are_woken_once_per_transaction_and_only_when_something_can_start() {
    let scene = Scene::new().await;
    let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
    scene.operator.batch_execute("begin").await.expect("begin");
    run(&scene.operator, INSERT, &[]).await;
    run(&scene.operator, INSERT, &[]).await;
    scene.operator.batch_execute("commit").await.expect("commit");
    assert_eq!(notifications.next().await.payload(), "");
    assert!(notifications.delivered().await.is_empty());
    scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    assert!(notifications.delivered().await.is_empty());
}

#[tokio::test]
async fn keyed_rows_of_one_statement_are_admitted_like_single_ones() {
    let scene = Scene::new().await;
    let sql = "insert into ops.runs (project_id, workflow_id, concurrency_key, priority) \
         select p.id, w.id, 'key' || g % 3, g from ops.projects p, ops.workflows w, generate_series(1, 30) g \
         where p.slug = 'acme' and w.name = 'odoo-build'";
    run(&scene.operator, sql, &[]).await;
    let ready = "select priority from ops.runs where ready order by priority";
    assert_eq!(values::<i32>(&scene.operator, ready, &[]).await, [1, 2, 3]);
}

#[tokio::test]
async fn the_database_checks_what_a_plain_insert_says() {
    let scene = Scene::new().await;
    for (column, value) in [
        ("priority", "-1"),
        ("max_attempts", "0"),
        ("timeout_secs", "0"),
        ("input", "'[]'"),
        ("commit_sha", "'no sha'"),
        ("git_ref", "''"),
        ("concurrency_key", "''"),
    ] {
        let sql = format!(
            "insert into ops.runs (project_id, workflow_id, {column}) select p.id, w.id, {value} \
             from ops.projects p, ops.workflows w where p.slug = 'acme' and w.name = 'odoo-build'"
        );
        assert_eq!(code(&scene.operator, &sql, &[]).await, "23514", "{column}");
    }
    let sql = "insert into ops.runs (project_id, workflow_id, required_labels) select p.id, w.id, '{white space}' \
         from ops.projects p, ops.workflows w where p.slug = 'acme' and w.name = 'odoo-build'";
    assert_eq!(code(&scene.operator, sql, &[]).await, "OP004");
}

#[tokio::test]
async fn a_bulk_insert_is_numbered_without_gaps_and_recorded() {
    let scene = Scene::new().await;
    let sql = "insert into ops.runs (project_id, workflow_id) select p.id, w.id \
         from ops.projects p, ops.workflows w, generate_series(1, 5000) \
         where p.slug = 'acme' and w.name = 'odoo-build'";
    run(&scene.operator, sql, &[]).await;
    let counted = row(
        &scene.operator,
        "select count(*), count(distinct run_number), max(run_number), \
         (select count(*) from ops.run_events) from ops.runs",
        &[],
    )
    .await;
    for column in 0..4 {
        assert_eq!(counted.get::<_, i64>(column), 5000);
    }
    assert_eq!(value::<i64>(&scene.operator, "select queued from ops.project_overview", &[]).await, 5000);
}

#[tokio::test]
async fn a_time_that_never_comes_is_refused_and_harms_nobody() {
    let scene = Scene::new().await;
    let sql = "insert into ops.runs (project_id, workflow_id, not_before) select p.id, w.id, $1::text::timestamptz \
         from ops.projects p, ops.workflows w where p.slug = 'acme' and w.name = 'odoo-build'";
    for never in ["infinity", "-infinity"] {
        assert_eq!(code(&scene.operator, sql, &[&never]).await, "OP004", "{never}");
        assert_eq!(
            code(
                &scene.operator,
                "select ops.enqueue_run('acme', 'test', p_options => $1)",
                &[&json!({ "not_before": never })]
            )
            .await,
            "OP004",
            "{never}"
        );
    }
    run(&scene.operator, sql, &[&"2999-12-31 00:00Z"]).await;
    let superuser = scene.database.superuser().await;
    let forced = "update ops.runs set not_before = 'infinity'";
    assert_eq!(code(&superuser, forced, &[]).await, "23514");
    superuser
        .batch_execute("alter table ops.runs drop constraint runs_not_before_finite")
        .await
        .expect("drop");
    run(&superuser, forced, &[]).await;
    assert_eq!(value::<Option<i64>>(&scene.worker, "select ops.next_due_in_ms()", &[]).await, None);
    run(&scene.worker, "select ops.heartbeat_worker('w1', 'available', null, null, null)", &[]).await;
}

#[tokio::test]
async fn a_project_needs_a_slug_and_a_name_only() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let sql = "insert into ops.projects (slug, name) values ($1, 'Shop') returning id";
    let id: Uuid = value(&superuser, sql, &[&"shop"]).await;
    assert_eq!(id.get_version_num(), 7);
    superuser.batch_execute("set role ops_owner").await.expect("the owner");
    run(&superuser, sql, &[&"store"]).await;
    scene.enqueue_in("shop", json!({})).await;
    scene.enqueue_in("store", json!({})).await;
    let advisory = "insert into ops.upgrade_advisories (from_version, to_version, severity, title) \
         values ('17.0', '18.0', 'info', 'Read this') returning id";
    assert_eq!(value::<Uuid>(&superuser, advisory, &[]).await.get_version_num(), 7);
}
