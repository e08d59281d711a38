//! `enqueue_run`: into the queue.

use serde_json::{Value, json};
use uuid::Uuid;

use super::member::{from_developer_on, try_as_each_role};
use super::scene::{Scene, code, refusal, row, run, value};

const ENQUEUE: &str = "select id from ops.enqueue_run('acme', 'test', p_options => $1)";

#[tokio::test]
async fn a_run_is_queued_with_all_it_was_given() {
    let scene = Scene::new().await;
    let parent = scene.queued().await;
    let environment = Uuid::new_v4();
    let options = json!({
        "priority": 5, "required_labels": ["b", "a", "b"], "concurrency_key": "k", "idempotency_key": "i",
        "not_before": "2199-01-01T00:00:00+02:00", "timeout_secs": 60, "max_attempts": 2,
        "environment": environment, "trigger": "schedule", "parent_run_id": parent,
    });
    let sql = "select * from ops.enqueue_run('acme', 'odoo-build', 'main', 'abc123', '{\"demo\": true}', $1)";
    let queued = row(&scene.operator, sql, &[&options]).await;
    let id: Uuid = queued.get("id");
    assert_eq!(queued.get::<_, i64>("run_number"), 2);
    assert_eq!(queued.get::<_, String>("project_slug"), "acme");
    assert_eq!(queued.get::<_, String>("workflow_name"), "odoo-build");
    assert_eq!(queued.get::<_, String>("status"), "queued");
    assert_eq!(queued.get::<_, String>("trigger"), "schedule");
    for (column, expected) in [
        ("priority", "5"),
        ("required_labels", "{a,b}"),
        ("concurrency_key", "k"),
        ("idempotency_key", "i"),
        ("timeout_secs", "60"),
        ("max_attempts", "2"),
        ("environment_id", &environment.to_string()),
        ("parent_run_id", &parent.to_string()),
        ("git_ref", "main"),
        ("commit_sha", "abc123"),
        ("workflow_version", "1"),
        ("extract(year from not_before at time zone 'UTC')", "2198"),
    ] {
        assert_eq!(scene.column(id, column).await, expected, "{column}");
    }
}

#[tokio::test]
async fn a_known_idempotency_key_gives_the_same_run() {
    let scene = Scene::new().await;
    let options = json!({ "idempotency_key": "push-1" });
    let first = scene.enqueue(options.clone()).await;
    assert_eq!(scene.enqueue(options.clone()).await, first);
    let sql = "select ops.enqueue_run('acme', 'test', 'other', p_options => $1)";
    let refused = refusal(&scene.operator, sql, &[&options]).await;
    assert_eq!(refused.code, "OP005");
    assert!(refused.detail.contains(&first.to_string()));
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    assert_ne!(scene.enqueue_in("b", options).await, first, "keys are a project's own");
}

#[tokio::test]
async fn two_callers_with_one_idempotency_key_get_one_run() {
    let scene = Scene::new().await;
    let other = scene.database.superuser().await;
    other.batch_execute("begin").await.expect("begin");
    let options = json!({ "idempotency_key": "i" });
    let sql = "select id from ops.enqueue_run('acme', 'odoo-test', p_options => $1)";
    let theirs: Uuid = value(&other, sql, &[&options]).await;
    let pid = crate::support::signals::backend_pid(&scene.operator).await;
    let observer = scene.database.superuser().await;
    let release = async {
        crate::support::signals::wait_until_blocked(&observer, pid).await;
        other.batch_execute("commit").await.expect("commit");
    };
    let (ours, ()) = tokio::join!(scene.enqueue(options.clone()), release);
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn every_wrong_option_is_named() {
    let scene = Scene::new().await;
    for (options, argument) in [
        (json!({ "colour": 1 }), "p_options.colour: unknown option"),
        (json!({ "status": "succeeded" }), "p_options.status: unknown option"),
        (json!({ "priority": -1 }), "p_options.priority"),
        (json!({ "priority": 10_001 }), "p_options.priority"),
        (json!({ "priority": 1.5 }), "p_options.priority"),
        (json!({ "priority": "1" }), "p_options.priority"),
        (json!({ "timeout_secs": 0 }), "p_options.timeout_secs"),
        (json!({ "max_attempts": 101 }), "p_options.max_attempts"),
        (json!({ "max_attempts": 1e300 }), "p_options.max_attempts"),
        (json!({ "concurrency_key": "" }), "p_options.concurrency_key"),
        (json!({ "idempotency_key": 5 }), "p_options.idempotency_key"),
        (json!({ "environment": "dev" }), "p_options.environment"),
        (json!({ "parent_run_id": "x" }), "p_options.parent_run_id"),
        (json!({ "required_labels": "a" }), "p_options.required_labels"),
        (json!({ "required_labels": ["white space"] }), "p_options.required_labels"),
        (json!({ "depends_on": ["x"] }), "p_options.depends_on"),
        (json!({ "not_before": "tomorrow" }), "p_options.not_before"),
        (json!({ "not_before": "2026-01-01T00:00:00" }), "p_options.not_before"),
        (json!({ "not_before": "2026-13-01T00:00:00Z" }), "p_options.not_before"),
        (json!({ "trigger": "magic" }), "p_options.trigger"),
        (json!([]), "p_options"),
    ] {
        let refused = refusal(&scene.operator, ENQUEUE, &[&options]).await;
        assert_eq!(refused.code, "OP004", "{options}");
        assert!(refused.message.starts_with(argument), "{options}: {}", refused.message);
    }
    for call in
        ["'acme', 'test', p_input => '[]'", "'acme', 'test', ''", "'acme', 'test', 'main', 'not a sha'"]
    {
        assert_eq!(code(&scene.operator, &format!("select ops.enqueue_run({call})"), &[]).await, "OP004");
    }
}

#[tokio::test]
async fn what_is_named_must_exist_in_the_project() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    let elsewhere = scene.enqueue_in("b", json!({})).await;
    for call in ["'nowhere', 'test'", "'acme', 'nothing'", "null, 'test'", "'acme', null"] {
        let sql = format!("select ops.enqueue_run({call})");
        assert_eq!(code(&scene.operator, &sql, &[]).await, "OP001", "{call}");
    }
    for options in [json!({ "parent_run_id": elsewhere }), json!({ "depends_on": [elsewhere] })] {
        assert_eq!(code(&scene.operator, ENQUEUE, &[&options]).await, "OP001", "{options}");
    }
}

#[tokio::test]
async fn a_kind_finds_the_projects_own_workflow_first() {
    let scene = Scene::new().await;
    let put = "select ops.put_workflow('acme', $1, '{\"steps\": [{\"name\": \"a\", \"uses\": \"odoo/test\"}]}', 'test')";
    let named = "select workflow_name from ops.enqueue_run('acme', 'test')";
    assert_eq!(value::<String>(&scene.operator, named, &[]).await, "odoo-test");
    run(&scene.operator, put, &[&"mine"]).await;
    assert_eq!(value::<String>(&scene.operator, named, &[]).await, "mine");
    run(&scene.operator, put, &[&"mine-too"]).await;
    assert_eq!(code(&scene.operator, named, &[]).await, "OP005");
}

#[tokio::test]
async fn nothing_is_queued_for_an_archived_project_or_a_disabled_workflow() {
    let scene = Scene::new().await;
    let definition = json!({ "steps": [{ "name": "a", "uses": "odoo/test" }] });
    let put = "select ops.put_workflow('acme', 'off', $1, p_enabled => false)";
    run(&scene.operator, put, &[&definition]).await;
    assert_eq!(code(&scene.operator, "select ops.enqueue_run('acme', 'off')", &[]).await, "OP002");
    run(&scene.operator, "select ops.put_project('acme', p_status => 'archived')", &[]).await;
    assert_eq!(code(&scene.operator, "select ops.enqueue_run('acme', 'test')", &[]).await, "OP002");
}

#[tokio::test]
async fn a_run_waits_for_what_it_depends_on() {
    let scene = Scene::new().await;
    let (first, second) = (scene.queued().await, scene.queued().await);
    let last = scene.enqueue(json!({ "depends_on": [first, second] })).await;
    assert_eq!(scene.waits_for(last).await, "dependency");
    for _ in 0..2 {
        assert_eq!(scene.waits_for(last).await, "dependency");
        let claim = scene.claim().await;
        assert_ne!(claim.id, last);
        scene.start(claim).await;
        scene.succeed(claim).await;
    }
    assert_eq!(scene.claim().await.id, last);
    let done = scene.enqueue(json!({ "depends_on": [first] })).await;
    assert_eq!(scene.waits_for(done).await, "");
}

#[tokio::test]
async fn what_depends_on_a_failed_run_is_canceled_all_the_way() {
    let scene = Scene::new().await;
    let first = scene.queued().await;
    let second = scene.enqueue(json!({ "depends_on": [first] })).await;
    let third = scene.enqueue(json!({ "depends_on": [second] })).await;
    let claim = scene.claim().await;
    scene.start(claim).await;
    scene.fail(claim, "user").await;
    for id in [second, third] {
        assert_eq!(scene.status(id).await, "canceled");
        assert_eq!(scene.history(id).await, [">queued", "queued>canceled"]);
    }
    let options = json!({ "depends_on": [first] });
    assert_eq!(code(&scene.operator, ENQUEUE, &[&options]).await, "OP002");
}

#[tokio::test]
async fn the_definition_gives_key_and_timeout_where_the_caller_does_not() {
    let scene = Scene::new().await;
    let definition = json!({
        "steps": [{ "name": "a", "uses": "odoo/test" }], "concurrency_key": "deploy", "timeout_secs": 77,
    });
    run(&scene.operator, "select ops.put_workflow('acme', 'keyed', $1)", &[&definition]).await;
    let sql = "select id from ops.enqueue_run('acme', 'keyed', p_options => $1)";
    let id: Uuid = value(&scene.operator, sql, &[&json!({})]).await;
    assert_eq!(scene.column(id, "concurrency_key").await, "deploy");
    assert_eq!(scene.column(id, "timeout_secs").await, "77");
    let own: Value = json!({ "concurrency_key": "own", "timeout_secs": 5 });
    let id: Uuid = value(&scene.operator, sql, &[&own]).await;
    assert_eq!(scene.column(id, "concurrency_key").await, "own");
}

#[tokio::test]
async fn a_new_run_supersedes_older_ones_with_its_key_as_its_workflow_says() {
    for (mode, waiting, running) in
        [("off", "queued", false), ("queued", "canceled", false), ("all", "canceled", true)]
    {
        let scene = Scene::new().await;
        let definition = json!({
            "steps": [{ "name": "a", "uses": "odoo/test" }], "concurrency_key": "branch", "supersede": mode,
        });
        run(&scene.operator, "select ops.put_workflow('acme', 'w', $1)", &[&definition]).await;
        let enqueue = "select id from ops.enqueue_run('acme', 'w', p_options => $1)";
        let first: Uuid = value(&scene.operator, enqueue, &[&json!({})]).await;
        let claim = scene.claim().await;
        assert_eq!(claim.id, first);
        let other: Uuid = value(&scene.operator, enqueue, &[&json!({ "concurrency_key": "other" })]).await;
        let second: Uuid = value(&scene.operator, enqueue, &[&json!({})]).await;
        let later = json!({ "not_before": "2199-01-01T00:00:00Z" });
        let third: Uuid = value(&scene.operator, enqueue, &[&later]).await;
        let newest: Uuid = value(&scene.operator, enqueue, &[&json!({})]).await;
        assert_eq!(scene.status(second).await, waiting, "{mode}");
        assert_eq!(scene.status(third).await, waiting, "{mode}");
        assert_eq!(scene.status(other).await, "queued");
        assert_eq!(scene.status(newest).await, "queued");
        assert_eq!(!scene.column(first, "cancel_requested_at").await.is_empty(), running, "{mode}");
    }
}

#[tokio::test]
async fn developers_may_others_may_not() {
    let scene = Scene::new().await;
    let sql = "select ops.enqueue_run('acme', 'test')";
    assert_eq!(try_as_each_role(&scene, sql, &[]).await, from_developer_on());
    assert_eq!(code(&scene.worker, sql, &[]).await, "42501");
}

#[tokio::test]
async fn a_known_idempotency_key_with_other_options_is_a_conflict() {
    let scene = Scene::new().await;
    let definition = json!({
        "steps": [{ "name": "a", "uses": "odoo/test" }], "concurrency_key": "own", "timeout_secs": 60,
    });
    let put = "select ops.put_workflow('acme', 'w', $1)";
    run(&scene.operator, put, &[&definition]).await;
    let enqueue = "select id from ops.enqueue_run('acme', 'w', p_options => $1)";
    let (first, parent) = (scene.queued().await, scene.queued().await);
    let base = json!({
        "idempotency_key": "k", "required_labels": ["b", "a"], "depends_on": [first],
        "not_before": "2199-01-01T00:00:00Z",
    });
    let id: Uuid = value(&scene.operator, enqueue, &[&base]).await;
    let definition = json!({ "steps": [{ "name": "a", "uses": "odoo/build" }] });
    run(&scene.operator, put, &[&definition]).await;
    let mut same = base.clone();
    same["required_labels"] = json!(["a", "b"]);
    assert_eq!(value::<Uuid>(&scene.operator, enqueue, &[&same]).await, id);
    for (option, other) in [
        ("priority", json!(5)),
        ("required_labels", json!(["a"])),
        ("concurrency_key", json!("other")),
        ("not_before", json!("2198-01-01T00:00:00Z")),
        ("timeout_secs", json!(61)),
        ("max_attempts", json!(7)),
        ("environment", json!(Uuid::now_v7())),
        ("trigger", json!("push")),
        ("parent_run_id", json!(parent)),
        ("depends_on", json!([first, parent])),
    ] {
        let mut options = base.clone();
        options[option] = other;
        assert_eq!(code(&scene.operator, enqueue, &[&options]).await, "OP005", "{option}");
    }
}
