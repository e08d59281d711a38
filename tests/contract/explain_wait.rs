//! `explain_wait`: every reason why a run does not start.

use serde_json::json;
use uuid::Uuid;

use super::member::{every_member, try_as_each_role};
use super::scene::{Scene, code, row, run};

async fn explain(scene: &Scene, id: Uuid) -> Vec<(String, String)> {
    let rows = scene
        .operator
        .query("select cause, detail from ops.explain_wait($1)", &[&id])
        .await
        .expect("an explanation");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn only_cause(scene: &Scene, id: Uuid) -> (String, String) {
    let mut causes = explain(scene, id).await;
    assert_eq!(causes.len(), 1, "{causes:?}");
    causes.remove(0)
}

#[tokio::test]
async fn a_run_that_the_next_worker_takes_is_ready_and_those_behind_it_are_counted() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    let (first, second) = (scene.queued().await, scene.queued().await);
    assert_eq!(only_cause(&scene, first).await.0, "ready");
    assert_eq!(only_cause(&scene, second).await, ("ahead".into(), "1 runs are ahead".into()));
}

#[tokio::test]
async fn a_run_that_does_not_wait_says_so() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    assert_eq!(only_cause(&scene, claim.id).await.0, "not waiting");
}

#[tokio::test]
async fn the_time_it_waits_for_is_told() {
    let scene = Scene::new().await;
    scene.try_claim().await;
    let id = scene.enqueue(json!({ "not_before": "2199-01-02T03:04:05Z" })).await;
    assert_eq!(only_cause(&scene, id).await, ("due".into(), "not due before 2199-01-02T03:04:05Z".into()));
}

#[tokio::test]
async fn a_retry_says_when_and_why() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.fail(claim, "infra").await;
    let (cause, detail) = only_cause(&scene, claim.id).await;
    assert_eq!(cause, "retry");
    assert!(detail.starts_with("retry at 2") && detail.ends_with("after attempt 1: infra"), "{detail}");
}

#[tokio::test]
async fn pause_limit_and_key_name_what_holds_them() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "deploy" })).await;
    let holder = scene.claim().await;
    let id = scene.enqueue(json!({ "concurrency_key": "deploy" })).await;
    let key = ("key".to_owned(), format!("key deploy is held by run {}", holder.id));
    assert_eq!(explain(&scene, id).await, std::slice::from_ref(&key));
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 1)", &[]).await;
    let limit = ("project_limit".to_owned(), "project acme runs 1 of at most 1".to_owned());
    assert_eq!(explain(&scene, id).await, [limit.clone(), key.clone()]);
    run(&scene.operator, "select ops.pause_project('acme', 'moving house')", &[]).await;
    let paused = ("paused".to_owned(), "project acme: moving house".to_owned());
    assert_eq!(explain(&scene, id).await, [paused, limit, key]);
}

#[tokio::test]
async fn labels_that_no_live_worker_has_are_named_with_who_last_had_them() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "required_labels": ["gpu"] })).await;
    assert_eq!(
        only_cause(&scene, id).await,
        ("no_worker".into(), "no live worker has the labels gpu".into())
    );
    run(&scene.worker, "select ops.register_worker('w1', '{gpu}', 1, null, null, null)", &[]).await;
    assert_eq!(only_cause(&scene, id).await.0, "ready");
    scene.put_clock_forward(91).await;
    let (cause, detail) = only_cause(&scene, id).await;
    assert_eq!(cause, "no_worker");
    assert!(detail.starts_with("no live worker has the labels gpu; the last was w1, seen at 2"), "{detail}");
}

#[tokio::test]
async fn a_dependency_is_named_with_its_state() {
    let scene = Scene::new().await;
    let first = scene.running().await;
    let id = scene.enqueue(json!({ "depends_on": [first.id] })).await;
    assert_eq!(only_cause(&scene, id).await, ("dependency".into(), format!("run {} is running", first.id)));
}

#[tokio::test]
async fn members_may_ask() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    let sql = "select cause from ops.explain_wait($1)";
    assert_eq!(try_as_each_role(&scene, sql, &[&id]).await, every_member());
    assert_eq!(code(&scene.operator, sql, &[&Uuid::now_v7()]).await, "OP001");
    assert_eq!(row(&scene.operator, sql, &[&id]).await.get::<_, String>(0), "no_worker");
}

#[tokio::test]
async fn a_worker_that_takes_no_runs_is_not_a_live_one() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    for state in ["draining", "sick", "offline"] {
        let sql = format!("select ops.heartbeat_worker('w1', '{state}', null, null, null)");
        run(&scene.worker, &sql, &[]).await;
        let (cause, detail) = only_cause(&scene, id).await;
        assert_eq!(cause, "no_worker", "{state}");
        assert!(detail.starts_with("no live worker; the last was w1, seen at 2"), "{detail}");
        assert!(detail.ends_with(state), "{detail}");
    }
    run(&scene.worker, "select ops.heartbeat_worker('w1', 'available', null, null, null)", &[]).await;
    assert_eq!(only_cause(&scene, id).await.0, "ready");
    run(&scene.operator, "select ops.drain_worker('w1')", &[]).await;
    assert!(only_cause(&scene, id).await.1.ends_with("asked to drain"));
    run(&scene.worker, "select ops.heartbeat_worker('w2', 'busy', null, null, null)", &[]).await;
    assert_eq!(only_cause(&scene, id).await.0, "ready");
}
