//! `claim_next_run`: what a worker gets, and which run is next.

use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{Scene, claim, code, row, run, value};
use crate::support::postgres_roles::Login;

#[tokio::test]
async fn a_claim_brings_all_that_the_worker_needs() {
    let scene = Scene::new().await;
    let project = "select ops.put_project('acme', p_repo_url => 'https://example.org/acme.git', \
         p_odoo_version => '18.0', p_default_branch => 'main', p_settings => '{\"modules\": [\"a\"]}')";
    run(&scene.operator, project, &[]).await;
    let digest = format!("sha256:{}", "0".repeat(64));
    run(&scene.operator, "select ops.put_tool('odoo', 'odoo:18.0', p_digest => $1)", &[&digest]).await;
    let enqueue = "select id from ops.enqueue_run('acme', 'test', 'main', 'abc123', '{\"demo\": true}', \
         '{\"priority\": 7, \"timeout_secs\": 60, \"trigger\": \"push\"}')";
    let id: Uuid = value(&scene.operator, enqueue, &[]).await;
    let claimed = row(&scene.worker, "select * from ops.claim_next_run('w1', 45)", &[]).await;
    assert_eq!(claimed.get::<_, Uuid>("id"), id);
    assert_eq!(claimed.get::<_, i64>("run_number"), 1);
    assert_eq!(claimed.get::<_, String>("project_slug"), "acme");
    assert_eq!(claimed.get::<_, String>("repo_url"), "https://example.org/acme.git");
    assert_eq!(claimed.get::<_, String>("default_branch"), "main");
    assert_eq!(claimed.get::<_, String>("odoo_version"), "18.0");
    assert_eq!(claimed.get::<_, Value>("project_settings"), json!({ "modules": ["a"] }));
    assert_eq!(claimed.get::<_, String>("workflow_name"), "odoo-test");
    assert_eq!(claimed.get::<_, String>("workflow_kind"), "test");
    assert_eq!(claimed.get::<_, Value>("definition")["steps"][0]["uses"], "odoo/test");
    assert_eq!(claimed.get::<_, String>("git_ref"), "main");
    assert_eq!(claimed.get::<_, String>("commit_sha"), "abc123");
    assert_eq!(claimed.get::<_, Value>("input"), json!({ "demo": true }));
    assert_eq!(claimed.get::<_, String>("trigger"), "push");
    assert_eq!(claimed.get::<_, String>("triggered_by"), "role:odooops_test_operator");
    assert_eq!(claimed.get::<_, i32>("priority"), 7);
    assert_eq!(claimed.get::<_, i32>("timeout_secs"), 60);
    assert_eq!(claimed.get::<_, i32>("attempt"), 1);
    assert_eq!(claimed.get::<_, i32>("max_attempts"), 3);
    assert_eq!(claimed.get::<_, String>("claimed_by"), "w1");
    assert_eq!(claimed.get::<_, Value>("tool_images"), json!({ "odoo": format!("odoo:18.0@{digest}") }));
    assert_eq!(claimed.get::<_, Value>("step_states"), json!([]));
    let lease = "select extract(epoch from lease_expires_at - claimed_at)::int from ops.runs where id = $1";
    assert_eq!(value::<i32>(&scene.operator, lease, &[&id]).await, 45);
    assert_eq!(scene.status(id).await, "claimed");
    assert_eq!(scene.history(id).await, [">queued", "queued>claimed"]);
}

#[tokio::test]
async fn an_empty_queue_gives_no_row() {
    let scene = Scene::new().await;
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn an_unknown_worker_is_registered_without_labels() {
    let scene = Scene::new().await;
    assert_eq!(claim(&scene.worker, "from-psql").await, None);
    let sql = "select labels = '{}' from ops.worker_overview where id = 'from-psql'";
    assert!(value::<bool>(&scene.operator, sql, &[]).await);
}

#[tokio::test]
async fn the_lower_priority_number_comes_first_then_the_older_run() {
    let scene = Scene::new().await;
    let late = scene.enqueue(json!({ "priority": 200 })).await;
    let (first, second) = (scene.queued().await, scene.queued().await);
    let urgent = scene.enqueue(json!({ "priority": 1 })).await;
    for expected in [urgent, first, second, late] {
        assert_eq!(scene.claim().await.id, expected);
    }
}

#[tokio::test]
async fn projects_take_turns_whatever_the_length_of_their_queues() {
    let scene = Scene::new().await;
    for slug in ["b", "c"] {
        run(&scene.operator, "select ops.put_project($1)", &[&slug]).await;
    }
    for _ in 0..4 {
        scene.queued().await;
    }
    for slug in ["b", "b", "c"] {
        scene.enqueue_in(slug, json!({})).await;
    }
    let mut served = Vec::new();
    for _ in 0..7 {
        let sql = "select project_slug from ops.claim_next_run('w1')";
        served.push(value::<String>(&scene.worker, sql, &[]).await);
    }
    assert_eq!(served, ["acme", "b", "c", "acme", "b", "acme", "acme"]);
}

#[tokio::test]
async fn a_project_that_was_served_alone_yields_to_a_newcomer() {
    let scene = Scene::new().await;
    scene.claimed().await;
    scene.queued().await;
    run(&scene.operator, "select ops.put_project('new')", &[]).await;
    let newcomer = scene.enqueue_in("new", json!({})).await;
    assert_eq!(scene.claim().await.id, newcomer);
}

#[tokio::test]
async fn a_worker_gets_only_runs_whose_labels_it_has() {
    let scene = Scene::new().await;
    let big = scene.enqueue(json!({ "required_labels": ["ram=64", "arm"] })).await;
    let plain = scene.queued().await;
    let register = "select ops.register_worker($1, $2, 1, null, null, null)";
    run(&scene.worker, register, &[&"big", &vec!["arm", "ram=64", "disk"]]).await;
    run(&scene.worker, register, &[&"half", &vec!["arm"]]).await;
    assert_eq!(claim(&scene.worker, "half").await.expect("the plain run").id, plain);
    assert_eq!(claim(&scene.worker, "half").await, None);
    assert_eq!(claim(&scene.worker, "big").await.expect("the labelled run").id, big);
}

#[tokio::test]
async fn operator_labels_override_the_workers_own() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "required_labels": ["gpu"] })).await;
    run(&scene.worker, "select ops.register_worker('w1', '{gpu}', 1, null, null, null)", &[]).await;
    run(&scene.operator, "select ops.set_worker_labels('w1', '{}')", &[]).await;
    assert_eq!(scene.try_claim().await, None);
}

#[tokio::test]
async fn a_draining_worker_gets_nothing() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    scene.queued().await;
    run(&scene.operator, "select ops.drain_worker('w1')", &[]).await;
    assert_eq!(scene.try_claim().await, None);
    assert!(claim(&scene.worker, "w2").await.is_some());
}

#[tokio::test]
async fn a_run_is_not_claimed_before_its_time() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
    assert_eq!(scene.waits_for(id).await, "due");
    assert_eq!(scene.try_claim().await, None);
    scene.make_due().await;
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn attempts_count_every_claim() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    for expected in 1..=4 {
        let claim = scene.claim().await;
        assert_eq!((claim.id, claim.attempt), (id, expected));
        run(&scene.worker, "select ops.release_run($1, $2, 'again')", &[&id, &claim.token]).await;
    }
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    for (sql, argument) in [
        ("select ops.claim_next_run(null)", "p_worker_id"),
        ("select ops.claim_next_run('no spaces')", "p_worker_id"),
        ("select ops.claim_next_run('w1', 0)", "p_lease_secs"),
        ("select ops.claim_next_run('w1', null)", "p_lease_secs"),
        ("select ops.claim_next_run('w1', 3601)", "p_lease_secs"),
    ] {
        let refusal = super::scene::refusal(&scene.worker, sql, &[]).await;
        assert_eq!(refusal.code, "OP004", "{sql}");
        assert!(refusal.message.starts_with(argument), "{}", refusal.message);
    }
}

#[tokio::test]
async fn a_worker_id_belongs_to_the_login_that_first_used_it() {
    let scene = Scene::new().await;
    scene.queued().await;
    let other = scene.database.login(Login::OtherWorker).await;
    assert_eq!(claim(&other, "theirs").await.map(|claim| claim.attempt), Some(1));
    assert_eq!(code(&scene.worker, "select ops.claim_next_run('theirs')", &[]).await, "OP007");
    assert_eq!(claim(&scene.operator, "theirs").await, None, "an operator may");
}
