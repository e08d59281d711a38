//! Two sessions that meet in every order the lock rules allow: nobody deadlocks, nobody waits needlessly.

use serde_json::json;
use tokio_postgres::Client;

use crate::contract::scene::{Claim, Parameters, Scene, run, value};
use crate::support::signals::{backend_pid, wait_until_blocked, within_limit};

const COMPLETE: &str = "select ops.complete_workflow_run($1, 0, null, $2)";

/// `first` is done in an open transaction; `second` waits for it and then succeeds after the commit.
async fn second_waits_for_first(
    scene: &Scene,
    first: (&str, Parameters<'_>),
    second: (&str, Parameters<'_>),
) {
    let (one, two) = (scene.database.superuser().await, scene.database.superuser().await);
    let observer = scene.database.superuser().await;
    one.batch_execute("begin").await.expect("begin");
    run(&one, first.0, first.1).await;
    let pid = backend_pid(&two).await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        one.batch_execute("commit").await.expect("commit");
    };
    within_limit(second.0, async { tokio::join!(run(&two, second.0, second.1), commit) }).await;
}

/// A statement that must not wait for the open transaction of `holder`.
async fn does_not_wait(client: &Client, sql: &str, parameters: Parameters<'_>) {
    client.batch_execute("set lock_timeout = '2s'").await.expect("a timeout");
    run(client, sql, parameters).await;
}

async fn keyed_and_running(scene: &Scene) -> Claim {
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let claim = scene.claim().await;
    scene.start(claim).await;
    claim
}

#[tokio::test]
async fn insert_and_completion_of_one_key_follow_each_other() {
    let scene = Scene::new().await;
    let claim = keyed_and_running(&scene).await;
    let enqueue = "select ops.enqueue_run('acme', 'test', p_options => '{\"concurrency_key\": \"k\"}')";
    second_waits_for_first(&scene, (enqueue, &[]), (COMPLETE, &[&claim.id, &claim.token])).await;
    let claim = scene.claim().await;
    scene.start(claim).await;
    second_waits_for_first(&scene, (COMPLETE, &[&claim.id, &claim.token]), (enqueue, &[])).await;
    assert!(scene.try_claim().await.is_some());
}

#[tokio::test]
async fn cancel_and_completion_of_one_run_follow_each_other() {
    let scene = Scene::new().await;
    let cancel = "select ops.cancel_run($1, 'no')";
    for keyed in [false, true] {
        let claim = if keyed { keyed_and_running(&scene).await } else { scene.running().await };
        second_waits_for_first(&scene, (cancel, &[&claim.id]), (COMPLETE, &[&claim.id, &claim.token])).await;
        assert_eq!(scene.status(claim.id).await, "succeeded");
    }
}

#[tokio::test]
async fn two_batches_that_complete_the_same_runs_in_opposite_order_do_not_deadlock() {
    let scene = Scene::new().await;
    let mut claims = Vec::new();
    for key in ["a", "b", "c"] {
        scene.enqueue(json!({ "concurrency_key": key })).await;
        let claim = scene.claim().await;
        scene.start(claim).await;
        claims.push(claim);
    }
    let arrays = |claims: &[Claim]| {
        let ids: Vec<uuid::Uuid> = claims.iter().map(|claim| claim.id).collect();
        let tokens: Vec<uuid::Uuid> = claims.iter().map(|claim| claim.token).collect();
        (ids, tokens)
    };
    let forward = arrays(&claims);
    claims.reverse();
    let backward = arrays(&claims);
    let sql = "select count(*) from ops.complete_workflow_runs($1, $2, '{0,0,0}', '{null,null,null}', \
         '{null,null,null}', '{null,null,null}') where status = 'succeeded'";
    let (one, two) = (scene.database.superuser().await, scene.database.superuser().await);
    let (first, second) = within_limit("both batches", async {
        let complete = async |client: &Client, runs: &(Vec<uuid::Uuid>, Vec<uuid::Uuid>)| {
            value::<i64>(client, sql, &[&runs.0, &runs.1]).await
        };
        tokio::join!(complete(&one, &forward), complete(&two, &backward))
    })
    .await;
    assert_eq!((first, second), (3, 3));
}

#[tokio::test]
async fn a_pause_waits_for_inserts_and_for_no_completion() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    second_waits_for_first(
        &scene,
        ("select ops.enqueue_run('acme', 'test')", &[]),
        ("select ops.pause_project('acme')", &[]),
    )
    .await;
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin").await.expect("begin");
    run(&holder, COMPLETE, &[&claim.id, &claim.token]).await;
    does_not_wait(&scene.operator, "select ops.resume_project('acme')", &[]).await;
    does_not_wait(&scene.operator, "select ops.pause_project('acme')", &[]).await;
    holder.batch_execute("commit").await.expect("commit");
}

#[tokio::test]
async fn a_claim_and_the_reaper_wait_for_nobody() {
    let scene = Scene::new().await;
    let keyed = keyed_and_running(&scene).await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    scene.queued().await;
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin").await.expect("begin");
    run(&holder, "select from ops.runs for no key update", &[]).await;
    run(&holder, "select from ops.concurrency_keys for no key update", &[]).await;
    run(&holder, "select from ops.projects for update", &[]).await;
    does_not_wait(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    does_not_wait(&scene.worker, "select ops.claim_next_run('w1')", &[]).await;
    holder.batch_execute("rollback").await.expect("rollback");
    assert_eq!(scene.succeed(keyed).await, "succeeded");
}

#[tokio::test]
async fn log_lines_steps_and_artifacts_do_not_wait_for_the_runs_row() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin").await.expect("begin");
    run(&holder, "select from ops.runs for no key update", &[]).await;
    for sql in [
        "select ops.append_run_log($1, 'info', 'hello', p_claim_token => $2)",
        "select ops.record_step($1, $2, 'a', 'running', null, null)",
        "select ops.add_run_artifact($1, 'k', 's3://b/k', p_claim_token => $2)",
    ] {
        does_not_wait(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    }
    holder.batch_execute("rollback").await.expect("rollback");
}

#[tokio::test]
async fn a_changed_limit_and_a_completion_follow_each_other() {
    let scene = Scene::new().await;
    let limit = "select ops.put_project('acme', p_max_running => 2)";
    run(&scene.operator, limit, &[]).await;
    let claim = keyed_and_running(&scene).await;
    second_waits_for_first(&scene, (limit, &[]), (COMPLETE, &[&claim.id, &claim.token])).await;
    let claim = keyed_and_running(&scene).await;
    second_waits_for_first(&scene, (COMPLETE, &[&claim.id, &claim.token]), (limit, &[])).await;
}
