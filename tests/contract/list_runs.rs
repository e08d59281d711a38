//! `list_runs`: pages, newest first, of what the caller may see.

use serde_json::json;
use uuid::Uuid;

use super::member::{Member, every_member, try_as_each_role};
use super::scene::{Scene, code, run, value, values};

const NUMBERS: &str = "select run_number from ops.list_runs($1, p_before => $2, p_limit => 2) with ordinality l order by ordinality";

async fn page(scene: &Scene, before: Option<Uuid>) -> Vec<i64> {
    values(&scene.operator, NUMBERS, &[&"acme", &before]).await
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(scene.queued().await);
        scene.enqueue_in("other", json!({})).await;
    }
    assert_eq!(page(&scene, None).await, [5, 4]);
    assert_eq!(page(&scene, Some(ids[3])).await, [3, 2]);
    assert_eq!(page(&scene, Some(ids[1])).await, [1]);
    assert_eq!(page(&scene, Some(ids[0])).await, Vec::<i64>::new());
    let everywhere = "select count(*) from ops.list_runs(p_before => $1)";
    assert_eq!(value::<i64>(&scene.operator, everywhere, &[&ids[4]]).await, 8);
}

#[tokio::test]
async fn status_and_workflow_narrow_the_list() {
    let scene = Scene::new().await;
    let done = scene.succeeded().await;
    scene.queued().await;
    let by_status = "select id from ops.list_runs('acme', 'succeeded')";
    assert_eq!(values::<Uuid>(&scene.operator, by_status, &[]).await, [done.id]);
    let everywhere = "select id from ops.list_runs(p_status => 'succeeded')";
    assert_eq!(values::<Uuid>(&scene.operator, everywhere, &[]).await, [done.id]);
    for (workflow, count) in [("odoo-test", 2), ("odoo-build", 0), ("nothing", 0)] {
        let sql = "select count(*) from ops.list_runs('acme', p_workflow => $1)";
        assert_eq!(value::<i64>(&scene.operator, sql, &[&workflow]).await, count, "{workflow}");
    }
}

#[tokio::test]
async fn a_line_says_what_the_run_is() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.fail(claim, "user").await;
    let sql = "select concat_ws(' ', project, workflow, run_number, status, attempt, trigger, failure_reason, \
         error_message, started_at is not null, finished_at > started_at) from ops.list_runs()";
    let line: String = value(&scene.operator, sql, &[]).await;
    assert_eq!(line, "acme odoo-test 1 failed 1 api user it broke t t");
}

#[tokio::test]
async fn members_list_their_projects_and_no_other() {
    let scene = Scene::new().await;
    scene.queued().await;
    let sql = "select 1 from ops.list_runs('acme')";
    assert_eq!(try_as_each_role(&scene, sql, &[]).await, every_member());
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    scene.enqueue_in("other", json!({})).await;
    for (role, count) in [(Some("viewer"), 1), (None, 0)] {
        let mut member = Member::new(&scene, role).await;
        let seen = member.value::<i64>("select count(*) from ops.list_runs()", &[]).await;
        assert_eq!(seen, Ok(count), "{role:?}");
    }
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    let other = scene.queued().await;
    run(&scene.operator, "select ops.put_project('other')", &[]).await;
    for (arguments, expected) in [
        ("'acme', p_limit => 0", "OP004"),
        ("'acme', p_limit => 1001", "OP004"),
        ("'acme', p_limit => null", "OP004"),
        ("'acme', 'finished'", "OP004"),
        ("'nothing'", "OP001"),
        ("'acme', p_before => gen_random_uuid()", "OP001"),
    ] {
        let sql = format!("select ops.list_runs({arguments})");
        assert_eq!(code(&scene.operator, &sql, &[]).await, expected, "{arguments}");
    }
    let sql = "select ops.list_runs('other', p_before => $1)";
    assert_eq!(code(&scene.operator, sql, &[&other]).await, "OP001", "a run of another project");
}

#[tokio::test]
async fn a_page_of_a_project_comes_from_the_index_of_its_numbers() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let many = "insert into ops.runs (project_id, workflow_id) select p.id, w.id from ops.projects p, \
         ops.workflows w, generate_series(1, 3000) where p.slug = 'acme' and w.name = 'odoo-test'";
    run(&superuser, many, &[]).await;
    run(&superuser, "analyze ops.runs", &[]).await;
    let touched = "select sum(idx_tup_fetch + seq_tup_read)::bigint from pg_stat_xact_user_tables \
         where schemaname = 'ops' and relname = 'runs'";
    superuser.batch_execute("begin").await.expect("begin");
    run(&superuser, "select count(*) from ops.list_runs('acme')", &[]).await;
    let rows: i64 = value(&superuser, touched, &[]).await;
    assert!((50..=200).contains(&rows), "{rows} rows were read for a page of 50");
}
