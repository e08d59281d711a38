//! `supersede`: a new run takes the place of older ones of its workflow with its key.

use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{Scene, run, value, values};

const ENQUEUE: &str = "select id from ops.enqueue_run('acme', $1, p_options => $2)";

async fn scene(mode: &str) -> Scene {
    let scene = Scene::new().await;
    let definition = json!({
        "steps": [{ "name": "a", "uses": "odoo/test" }], "concurrency_key": "branch", "supersede": mode,
    });
    for name in ["w", "another"] {
        run(&scene.operator, "select ops.put_workflow('acme', $1, $2)", &[&name, &definition]).await;
    }
    scene
}

async fn enqueue(scene: &Scene, workflow: &str, options: Value) -> Uuid {
    value(&scene.operator, ENQUEUE, &[&workflow, &options]).await
}

async fn reasons(scene: &Scene, id: Uuid) -> Vec<String> {
    let sql =
        "select reason from ops.run_events where run_id = $1 and reason is not null order by created_at";
    values(&scene.operator, sql, &[&id]).await
}

#[tokio::test]
async fn older_runs_give_way_as_the_workflow_says() {
    for (mode, waiting, asked) in
        [("off", "queued", false), ("queued", "canceled", false), ("all", "canceled", true)]
    {
        let scene = scene(mode).await;
        let first = enqueue(&scene, "w", json!({})).await;
        assert_eq!(scene.claim().await.id, first);
        let other_key = enqueue(&scene, "w", json!({ "concurrency_key": "other" })).await;
        let other_workflow = enqueue(&scene, "another", json!({})).await;
        let second = enqueue(&scene, "w", json!({})).await;
        let dependent = scene.enqueue(json!({ "depends_on": [second] })).await;
        let later = enqueue(&scene, "w", json!({ "not_before": "2199-01-01T00:00:00Z" })).await;
        let sql = "insert into ops.runs (project_id, workflow_id) select project_id, id from ops.workflows \
             where name = 'w' returning id";
        let newest: Uuid = value(&scene.operator, sql, &[]).await;
        for id in [second, later, dependent] {
            assert_eq!(scene.status(id).await, waiting, "{mode}");
        }
        for id in [other_key, other_workflow, newest] {
            assert_eq!(scene.status(id).await, "queued", "{mode}");
        }
        assert_eq!(!scene.column(first, "cancel_requested_at").await.is_empty(), asked, "{mode}");
        let superseded: Vec<String> =
            ["superseded"].iter().filter(|_| mode != "off").map(ToString::to_string).collect();
        assert_eq!(reasons(&scene, second).await, superseded);
        assert_eq!(reasons(&scene, first).await, if asked { superseded } else { Vec::new() });
        if mode != "off" {
            assert_eq!(scene.column(later, "cancel_reason").await, format!("superseded by run {newest}"));
            assert_eq!(reasons(&scene, dependent).await, ["dependency"]);
        }
    }
}

#[tokio::test]
async fn the_newest_of_one_statement_stays() {
    let scene = scene("queued").await;
    let sql = "insert into ops.runs (project_id, workflow_id) select w.project_id, w.id \
         from ops.workflows w, generate_series(1, 3) where w.name = 'w'";
    run(&scene.operator, sql, &[]).await;
    let left: i64 =
        value(&scene.operator, "select count(*) from ops.runs where status = 'queued'", &[]).await;
    assert_eq!(left, 1);
    assert!(scene.try_claim().await.is_some());
}
