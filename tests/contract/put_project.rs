//! `put_project`: projects and their limits.

use serde_json::{Value, json};

use super::member::try_as_each_role;
use super::scene::{Scene, code, refusal, row, run, value};

#[tokio::test]
async fn slug_and_name_are_enough_and_what_is_null_stays() {
    let scene = Scene::new().await;
    let made = row(&scene.operator, "select * from ops.put_project('new', 'New')", &[]).await;
    assert_eq!(made.get::<_, String>("slug"), "new");
    assert_eq!(made.get::<_, String>("status"), "active");
    let full = "select ops.put_project('new', p_repo_url => 'https://x/y.git', p_default_branch => 'main', \
         p_odoo_version => '18.0', p_max_running => 2, p_settings => '{\"a\": 1}')";
    run(&scene.operator, full, &[]).await;
    let kept = row(&scene.operator, "select * from ops.put_project('new')", &[]).await;
    assert_eq!(kept.get::<_, String>("name"), "New");
    assert_eq!(kept.get::<_, String>("repo_url"), "https://x/y.git");
    assert_eq!(kept.get::<_, String>("odoo_version"), "18.0");
    assert_eq!(kept.get::<_, i32>("max_running"), 2);
    assert_eq!(kept.get::<_, Value>("settings"), json!({ "a": 1 }));
    let unlimited = "select max_running from ops.put_project('new', p_max_running => 0)";
    assert_eq!(value::<Option<i32>>(&scene.operator, unlimited, &[]).await, None);
}

#[tokio::test]
async fn a_limit_holds_for_runs_that_were_queued_before_it() {
    let scene = Scene::new().await;
    for _ in 0..5 {
        scene.queued().await;
    }
    let first = scene.claim().await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 2)", &[]).await;
    assert!(scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
    scene.start(first).await;
    scene.succeed(first).await;
    assert!(scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 3)", &[]).await;
    assert!(scene.try_claim().await.is_some());
    assert_eq!(scene.try_claim().await, None);
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 0)", &[]).await;
    assert!(scene.try_claim().await.is_some());
}

#[tokio::test]
async fn raising_a_limit_wakes_the_workers() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 1)", &[]).await;
    scene.claimed().await;
    scene.queued().await;
    let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 2)", &[]).await;
    notifications.next().await;
}

#[tokio::test]
async fn an_archived_project_starts_nothing_until_it_is_active_again() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    run(&scene.operator, "select ops.put_project('acme', p_status => 'archived')", &[]).await;
    assert_eq!(scene.waits_for(id).await, "paused");
    assert_eq!(scene.try_claim().await, None);
    run(&scene.operator, "select ops.put_project('acme', p_status => 'active')", &[]).await;
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    for (arguments, argument) in [
        ("'Upper'", "p_slug"),
        ("null", "p_slug"),
        ("'a', ''", "p_name"),
        ("'a', p_max_running => -1", "p_max_running"),
        ("'a', p_settings => '[]'", "p_settings"),
        ("'a', p_status => 'gone'", "p_status"),
    ] {
        let refused = refusal(&scene.operator, &format!("select ops.put_project({arguments})"), &[]).await;
        assert_eq!(refused.code, "OP004", "{arguments}");
        assert!(refused.message.starts_with(argument), "{}", refused.message);
    }
}

#[tokio::test]
async fn operators_only() {
    let scene = Scene::new().await;
    let sql = "select ops.put_project('acme')";
    assert!(try_as_each_role(&scene, sql, &[]).await.iter().all(|tried| *tried == Err("42501".to_owned())));
    assert_eq!(code(&scene.worker, sql, &[]).await, "42501");
}
