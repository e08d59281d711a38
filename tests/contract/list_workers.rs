//! `list_workers`: the fleet as members may see it.

use serde_json::json;

use super::member::Member;
use super::scene::{Scene, claim, run, value};

const LINE: &str = "select string_agg(concat_ws(' ', id, state, array_to_string(labels, ','), slots, running, \
     drain_requested), '; ' order by id) from ops.list_workers()";

async fn register(scene: &Scene, worker: &str) {
    let sql = "select ops.register_worker($1, '{big}', 3, '0.1.0', 'host-1', '{\"secret\": 1}')";
    run(&scene.worker, sql, &[&worker]).await;
}

#[tokio::test]
async fn members_see_the_fleet_and_count_their_own_runs() {
    let scene = Scene::new().await;
    register(&scene, "w1").await;
    register(&scene, "w2").await;
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    for project in ["acme", "other"] {
        scene.enqueue_in(project, json!({})).await;
        claim(&scene.worker, "w1").await.expect("a run");
    }
    run(&scene.operator, "select ops.drain_worker('w2')", &[]).await;
    let mut viewer = Member::new(&scene, Some("viewer")).await;
    let seen = viewer.value::<String>(LINE, &[]).await;
    assert_eq!(seen.as_deref(), Ok("w1 available big 3 1 f; w2 available big 3 0 t"));
    let all: String = value(&scene.operator, LINE, &[]).await;
    assert_eq!(all, "w1 available big 3 2 f; w2 available big 3 0 t");
}

#[tokio::test]
async fn who_is_in_no_project_sees_no_worker() {
    let scene = Scene::new().await;
    register(&scene, "w1").await;
    let mut stranger = Member::new(&scene, None).await;
    assert_eq!(stranger.value::<i64>("select count(*) from ops.list_workers()", &[]).await, Ok(0));
}

#[tokio::test]
async fn a_silent_worker_is_offline_and_an_operators_labels_count() {
    let scene = Scene::new().await;
    register(&scene, "w1").await;
    run(&scene.operator, "select ops.set_worker_labels('w1', '{small}')", &[]).await;
    scene.put_clock_forward(91).await;
    let seen: String = value(&scene.operator, LINE, &[]).await;
    assert_eq!(seen, "w1 offline small 3 0 f");
}
