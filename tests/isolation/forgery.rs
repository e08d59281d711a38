//! Forged inserts and changes, tried as operator, service_role and a member: none comes through.

use uuid::Uuid;

use crate::contract::member::Member;
use crate::contract::scene::{Parameters, Scene, code, run, value};
use crate::support::postgres_roles::Request;

/// Columns that are nobody's to set, each with a value.
const FORGED_COLUMNS: &[(&str, &str)] = &[
    ("id", "gen_random_uuid()"),
    ("run_number", "1"),
    ("workflow_version", "9"),
    ("triggered_by", "'somebody else'"),
    ("retry_of", "null"),
    ("status", "'succeeded'"),
    ("ready", "true"),
    ("active", "true"),
    ("limited", "false"),
    ("blocked_by", "null"),
    ("label_set_id", "0"),
    ("attempt", "5"),
    ("failed_attempts", "0"),
    ("infra_attempts", "-100"),
    ("claimed_by", "'w1'"),
    ("claimed_at", "now()"),
    ("lease_expires_at", "now()"),
    ("started_at", "now()"),
    ("finished_at", "now()"),
    ("exit_code", "0"),
    ("failure_reason", "null"),
    ("error_message", "''"),
    ("result", "'{}'"),
    ("cancel_requested_at", "now()"),
    ("cancel_reason", "''"),
    ("created_at", "'2000-01-01'"),
    ("updated_at", "'2000-01-01'"),
];

/// Changes that no role may make to rows, whatever the function says.
const FORBIDDEN: &[&str] = &[
    "update ops.runs set status = 'succeeded'",
    "update ops.runs set priority = 0",
    "delete from ops.runs",
    "truncate ops.runs",
    "insert into ops.run_events (run_id) values (gen_random_uuid())",
    "insert into ops.run_log_chunks (run_id) values (gen_random_uuid())",
    "insert into ops.run_artifacts (run_id) values (gen_random_uuid())",
    "insert into ops.run_steps (run_id) values (gen_random_uuid())",
    "insert into ops.run_attempts (run_id) values (gen_random_uuid())",
    "insert into ops.run_dependencies (run_id) values (gen_random_uuid())",
    "insert into ops.project_memberships (user_id) values (gen_random_uuid())",
    "insert into ops.projects (slug) values ('x')",
    "update ops.projects set paused_reason = null",
    "update ops.workflows set definition = '{}'",
    "update ops.workers set login_role = 'x'",
    "update ops.concurrency_keys set max_running = 100",
    "update ops.instance set id = gen_random_uuid()",
    "select token from ops.run_attempts",
    "select * from ops.run_attempts",
    "alter table ops.runs disable trigger all",
    "create table ops.mine (a int)",
    "create function ops.mine() returns int language sql as 'select 1'",
    "select nextval('ops.claim_turns')",
];

/// The SQLSTATEs that operator, service_role and a developer of `acme` get.
async fn tried_by_everybody(scene: &Scene, sql: &str, parameters: Parameters<'_>) -> [String; 3] {
    let operator = code(&scene.operator, sql, parameters).await;
    let mut postgrest = scene.database.postgrest().await;
    let transaction = postgrest.request(Request::Service).await;
    let Err(error) = transaction.query(sql, parameters).await else { panic!("service_role may: {sql}") };
    let service = error.code().expect("a SQLSTATE").code().to_owned();
    drop(transaction);
    let developer = Member::new(scene, Some("developer")).await;
    let mut postgrest = scene.database.postgrest().await;
    let transaction = postgrest.request(Request::User(developer.user)).await;
    let Err(error) = transaction.query(sql, parameters).await else { panic!("a developer may: {sql}") };
    let member = error.code().expect("a SQLSTATE").code().to_owned();
    [operator, service, member]
}

async fn ids(scene: &Scene, project: &str, workflow: &str) -> (Uuid, Uuid) {
    let project_sql = "select id from ops.projects where slug = $1";
    let workflow_sql = "select id from ops.workflows where name = $1";
    (
        value(&scene.operator, project_sql, &[&project]).await,
        value(&scene.operator, workflow_sql, &[&workflow]).await,
    )
}

#[tokio::test]
async fn columns_that_are_nobodys_to_set_cannot_be_set() {
    let scene = Scene::new().await;
    let (project, workflow) = ids(&scene, "acme", "odoo-test").await;
    for (column, forged) in FORGED_COLUMNS {
        let sql =
            format!("insert into ops.runs (project_id, workflow_id, {column}) values ($1, $2, {forged})");
        let got = tried_by_everybody(&scene, &sql, &[&project, &workflow]).await;
        assert_eq!(got, ["42501", "42501", "42501"], "{column}");
    }
}

#[tokio::test]
async fn every_column_is_either_granted_or_tried_as_a_forgery() {
    let scene = Scene::new().await;
    let sql = "select attname::text from pg_attribute where attrelid = 'ops.runs'::regclass and attnum > 0 \
         and not attisdropped and not has_column_privilege('ops_operator', attrelid, attnum, 'insert')";
    let mut closed: Vec<String> = crate::contract::scene::values(&scene.operator, sql, &[]).await;
    let mut tried: Vec<&str> = FORGED_COLUMNS.iter().map(|forged| forged.0).collect();
    closed.sort();
    tried.sort_unstable();
    assert_eq!(closed, tried);
}

#[tokio::test]
async fn rows_change_through_functions_only() {
    let scene = Scene::new().await;
    scene.running().await;
    for sql in FORBIDDEN {
        let got = tried_by_everybody(&scene, sql, &[]).await;
        assert_eq!(got, ["42501", "42501", "42501"], "{sql}");
        assert_eq!(code(&scene.worker, sql, &[]).await, "42501", "a worker: {sql}");
    }
}

#[tokio::test]
async fn a_worker_can_read_and_insert_nothing() {
    let scene = Scene::new().await;
    for table in ["runs", "projects", "run_overview", "run_logs", "run_attempts", "workflows", "workers"] {
        assert_eq!(code(&scene.worker, &format!("select from ops.{table}"), &[]).await, "42501", "{table}");
    }
    let (project, workflow) = ids(&scene, "acme", "odoo-test").await;
    let insert = "insert into ops.runs (project_id, workflow_id) values ($1, $2)";
    assert_eq!(code(&scene.worker, insert, &[&project, &workflow]).await, "42501");
}

#[tokio::test]
async fn a_run_cannot_use_what_belongs_to_another_project() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    let definition = serde_json::json!({ "steps": [{ "name": "a", "uses": "odoo/test" }] });
    run(&scene.operator, "select ops.put_workflow('other', 'theirs', $1)", &[&definition]).await;
    let parent = scene.enqueue_in("other", serde_json::json!({})).await;
    let (project, theirs) = ids(&scene, "acme", "theirs").await;
    let sql = "insert into ops.runs (project_id, workflow_id) values ($1, $2)";
    assert_eq!(tried_by_everybody(&scene, sql, &[&project, &theirs]).await, ["OP001", "OP001", "OP001"]);
    let (project, workflow) = ids(&scene, "acme", "odoo-test").await;
    let sql = "insert into ops.runs (project_id, workflow_id, parent_run_id) values ($1, $2, $3)";
    let got = tried_by_everybody(&scene, sql, &[&project, &workflow, &parent]).await;
    assert_eq!(got, ["OP001", "OP001", "OP001"]);
    let nowhere = Uuid::now_v7();
    let sql = "insert into ops.runs (project_id, workflow_id) values ($1, $2)";
    assert_eq!(tried_by_everybody(&scene, sql, &[&nowhere, &workflow]).await, ["OP001", "OP001", "OP001"]);
    assert_eq!(tried_by_everybody(&scene, sql, &[&project, &nowhere]).await, ["OP001", "OP001", "OP001"]);
}

#[tokio::test]
async fn nobody_hides_an_object_in_front_of_ours() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene
        .operator
        .batch_execute(
            "create temp table runs (id uuid); create function pg_temp.clock_timestamp() returns timestamptz \
             language sql as $$ select '2000-01-01'::timestamptz $$; set search_path = pg_temp, ops, public",
        )
        .await
        .expect("objects of one's own");
    run(&scene.operator, "select ops.heartbeat_run($1)", &[&claim.id]).await;
    let sql = "select lease_expires_at > '2020-01-01' from ops.runs where id = $1";
    assert!(value::<bool>(&scene.operator, sql, &[&claim.id]).await);
}
