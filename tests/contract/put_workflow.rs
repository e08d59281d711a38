//! `put_workflow`: definitions and their versions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::member::{Member, from_admin_on, try_as_each_role};
use super::scene::{Scene, code, refusal, row, run, value};

const PUT: &str = "select ops.put_workflow('acme', 'mine', $1)";

fn definition(name: &str) -> Value {
    json!({ "steps": [{ "name": name, "image": "x", "shell": "true" }] })
}

#[tokio::test]
async fn a_version_is_raised_only_by_another_definition() {
    let scene = Scene::new().await;
    for (step, version) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        assert_eq!(value::<i32>(&scene.operator, PUT, &[&definition(step)]).await, version);
    }
    let versions = "select count(*) from ops.workflow_versions v join ops.workflows w on w.id = v.workflow_id \
         where w.name = 'mine'";
    assert_eq!(value::<i64>(&scene.operator, versions, &[]).await, 3);
}

#[tokio::test]
async fn a_queued_run_keeps_the_definition_it_was_queued_with() {
    let scene = Scene::new().await;
    run(&scene.operator, PUT, &[&definition("old")]).await;
    run(&scene.operator, "select ops.enqueue_run('acme', 'mine')", &[]).await;
    run(&scene.operator, PUT, &[&definition("new")]).await;
    let claimed =
        row(&scene.worker, "select workflow_version, definition from ops.claim_next_run('w1')", &[]).await;
    assert_eq!(claimed.get::<_, i32>(0), 1);
    assert_eq!(claimed.get::<_, Value>(1), definition("old"));
}

#[tokio::test]
async fn kind_and_switch_are_kept_where_they_are_not_given() {
    let scene = Scene::new().await;
    let put = "select ops.put_workflow('acme', 'mine', $1, 'deploy', false)";
    run(&scene.operator, put, &[&definition("a")]).await;
    run(&scene.operator, PUT, &[&definition("b")]).await;
    let kept =
        row(&scene.operator, "select kind::text, enabled from ops.workflows where name = 'mine'", &[]).await;
    assert_eq!((kept.get::<_, &str>(0), kept.get::<_, bool>(1)), ("deploy", false));
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_told_with_its_path() {
    let scene = Scene::new().await;
    let wrong = json!({ "steps": [{ "name": "a", "image": "x", "shell": "true", "colour": 1 }] });
    let refused = refusal(&scene.operator, PUT, &[&wrong]).await;
    assert_eq!(refused.code, "OP004");
    assert!(refused.message.starts_with("p_definition: steps[0].colour"), "{}", refused.message);
    for arguments in ["'acme', 'Upper', '{}'", "'acme', 'mine', null", "'acme', 'mine', '{}', 'dance'"] {
        let sql = format!("select ops.put_workflow({arguments})");
        assert_eq!(code(&scene.operator, &sql, &[]).await, "OP004", "{arguments}");
    }
}

#[tokio::test]
async fn built_in_workflows_are_there_and_for_operators_to_change() {
    let scene = Scene::new().await;
    let sql = "select string_agg(name || ' ' || kind, ', ' order by name) from ops.workflows \
         where project_id is null and enabled";
    let names: String = value(&scene.operator, sql, &[]).await;
    assert_eq!(names, "odoo-backup backup, odoo-build build, odoo-test test");
    let put = "select ops.put_workflow(null, 'odoo-test', $1)";
    let mut owner = Member::new(&scene, Some("owner")).await;
    assert_eq!(owner.attempt(put, &[&definition("a")]).await, Err("OP007".to_owned()));
    assert_eq!(value::<i32>(&scene.operator, put, &[&definition("a")]).await, 2);
}

#[tokio::test]
async fn one_project_cannot_use_anothers_workflow() {
    let scene = Scene::new().await;
    run(&scene.operator, PUT, &[&definition("a")]).await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    assert_eq!(code(&scene.operator, "select ops.enqueue_run('b', 'mine')", &[]).await, "OP001");
    let (project, workflow): (Uuid, Uuid) = (
        value(&scene.operator, "select id from ops.projects where slug = 'b'", &[]).await,
        value(&scene.operator, "select id from ops.workflows where name = 'mine'", &[]).await,
    );
    let insert = "insert into ops.runs (project_id, workflow_id) values ($1, $2)";
    assert_eq!(code(&scene.operator, insert, &[&project, &workflow]).await, "OP001");
}

#[tokio::test]
async fn admins_may_others_may_not() {
    let scene = Scene::new().await;
    let tried = try_as_each_role(&scene, PUT, &[&definition("a")]).await;
    assert_eq!(tried, from_admin_on());
    assert_eq!(code(&scene.worker, PUT, &[&definition("a")]).await, "42501");
}

#[tokio::test]
async fn every_good_definition_can_be_queued_started_and_failed() {
    let scene = Scene::new().await;
    for (number, sample) in crate::workflow::definitions::good().into_iter().enumerate() {
        let name = format!("w{number}");
        run(&scene.operator, "select ops.put_workflow('acme', $1, $2)", &[&name, &sample.definition]).await;
        run(&scene.operator, "select ops.enqueue_run('acme', $1)", &[&name]).await;
        let claim = scene.claim().await;
        scene.start(claim).await;
        let retries = sample.definition["retry"]["user"].as_f64().is_some_and(|times| times > 0.0);
        let expected = if retries { "queued" } else { "failed" };
        assert_eq!(scene.fail(claim, "user").await, expected, "{}", sample.name);
    }
    let definition = serde_json::json!({
        "steps": [{ "name": "a", "image": "alpine:3" }], "timeout_secs": 77.0, "retry": { "user": 1.0 },
    });
    run(&scene.operator, "select ops.put_workflow('acme', 'point', $1)", &[&definition]).await;
    run(&scene.operator, "select ops.enqueue_run('acme', 'point')", &[]).await;
    let claim = scene.claim().await;
    assert_eq!(scene.column(claim.id, "timeout_secs").await, "77");
    scene.start(claim).await;
    assert_eq!(scene.fail(claim, "user").await, "queued");
}
