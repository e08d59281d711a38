//! What a Supabase user sees and does: the own projects, nothing else.

use serde_json::json;
use uuid::Uuid;

use crate::contract::member::Member;
use crate::contract::scene::{Scene, row, run, value};
use crate::support::postgres_roles::{Login, Request};

/// Relations whose rows belong to projects.
const OF_PROJECTS: &[&str] = &[
    "runs",
    "run_attempts",
    "run_steps",
    "run_events",
    "run_log_chunks",
    "run_logs",
    "run_artifacts",
    "run_dependencies",
    "run_overview",
    "projects",
    "project_overview",
    "concurrency_keys",
    "project_memberships",
];

/// A finished run with everything a run can leave, and one that depends on it.
async fn leave_traces(scene: &Scene) {
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let claim = scene.claim().await;
    scene.start(claim).await;
    scene.enqueue(json!({ "depends_on": [claim.id] })).await;
    for sql in [
        "select ops.append_run_log($1, 'info', 'hello', p_claim_token => $2)",
        "select ops.record_step($1, $2, 'a', 'succeeded', 0, null)",
        "select ops.add_run_artifact($1, 'k', 's3://b/k', p_claim_token => $2)",
    ] {
        run(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    }
    scene.succeed(claim).await;
}

#[tokio::test]
async fn a_member_sees_the_rows_of_the_own_project_and_a_stranger_none() {
    let scene = Scene::new().await;
    leave_traces(&scene).await;
    let mut viewer = Member::new(&scene, Some("viewer")).await;
    let mut stranger = Member::new(&scene, None).await;
    for relation in OF_PROJECTS {
        let sql = format!("select count(1) from ops.{relation}");
        let count = viewer.value::<i64>(&sql, &[]).await;
        assert!(count.as_ref().is_ok_and(|count| *count > 0), "{relation}: {count:?}");
        assert_eq!(stranger.value::<i64>(&sql, &[]).await, Ok(0), "{relation}");
    }
}

#[tokio::test]
async fn a_member_sees_built_in_and_own_workflows_only() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    let definition = json!({ "steps": [{ "name": "a", "uses": "odoo/test" }] });
    for project in ["acme", "other"] {
        let sql = "select ops.put_workflow($1, $1 || '-own', $2)";
        run(&scene.operator, sql, &[&project, &definition]).await;
    }
    let mut viewer = Member::new(&scene, Some("viewer")).await;
    let sql = "select string_agg(name, ' ' order by name) from ops.workflows";
    let expected = "acme-own odoo-backup odoo-build odoo-test";
    assert_eq!(viewer.value::<String>(sql, &[]).await.as_deref(), Ok(expected));
    let versions = "select count(*) from ops.workflow_versions";
    assert_eq!(viewer.value::<i64>(versions, &[]).await, Ok(4));
}

#[tokio::test]
async fn a_developer_inserts_into_the_own_project_and_a_viewer_or_stranger_does_not() {
    let scene = Scene::new().await;
    let sql = "select p.id, w.id from ops.projects p, ops.workflows w \
         where p.slug = 'acme' and w.name = 'odoo-test'";
    let ids = row(&scene.operator, sql, &[]).await;
    let (project, workflow): (Uuid, Uuid) = (ids.get(0), ids.get(1));
    let insert = "insert into ops.runs (project_id, workflow_id) values ($1, $2) returning run_number";
    let mut developer = Member::new(&scene, Some("developer")).await;
    assert_eq!(developer.value::<i64>(insert, &[&project, &workflow]).await, Ok(1));
    let by = "select triggered_by from ops.runs";
    assert_eq!(value::<String>(&scene.operator, by, &[]).await, format!("user:{}", developer.user));
    for role in [Some("viewer"), None] {
        let mut member = Member::new(&scene, role).await;
        let got = member.value::<i64>(insert, &[&project, &workflow]).await;
        assert_eq!(got, Err("42501".to_owned()), "{role:?}");
    }
}

#[tokio::test]
async fn anon_and_strangers_to_the_database_get_nothing() {
    let scene = Scene::new().await;
    leave_traces(&scene).await;
    let nobody = scene.database.login(Login::Nobody).await;
    let mut postgrest = scene.database.postgrest().await;
    for relation in OF_PROJECTS {
        let sql = format!("select count(1) from ops.{relation}");
        assert_eq!(crate::contract::scene::code(&nobody, &sql, &[]).await, "42501", "{relation}");
        let transaction = postgrest.request(Request::Anon).await;
        let error = transaction.query(&sql, &[]).await.expect_err("refused");
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{relation}");
    }
}

#[tokio::test]
async fn a_reader_reads_the_views_but_no_settings_or_inputs() {
    let scene = Scene::new().await;
    leave_traces(&scene).await;
    let reader = scene.database.login(Login::Reader).await;
    for view in ["run_overview", "project_overview", "worker_overview", "queue_overview", "run_logs"] {
        let count = format!("select count(*) from ops.{view}");
        assert!(value::<i64>(&reader, &count, &[]).await > 0, "{view}");
    }
    for sql in [
        "select settings from ops.projects",
        "select input from ops.runs",
        "select result from ops.runs",
        "select definition from ops.workflows",
        "select line_count from ops.run_log_chunks",
        "select metadata from ops.run_artifacts",
        "select info from ops.workers",
    ] {
        assert_eq!(crate::contract::scene::code(&reader, sql, &[]).await, "42501", "{sql}");
    }
}

#[tokio::test]
async fn a_removed_member_sees_nothing_any_more() {
    let scene = Scene::new().await;
    scene.queued().await;
    let mut member = Member::new(&scene, Some("owner")).await;
    let sql = "select count(*) from ops.runs";
    assert_eq!(member.value::<i64>(sql, &[]).await, Ok(1));
    run(&scene.operator, "select ops.put_member('acme', $1, null)", &[&member.user]).await;
    assert_eq!(member.value::<i64>(sql, &[]).await, Ok(0));
}
