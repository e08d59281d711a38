//! Keys, limits and what keeps `ready`: exact under any interleaving, and nothing waits for ever.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Claim, Scene, claim, run, value};
use crate::support::signals::{backend_pid, wait_until_blocked};

const READY: &str = "select count(*) from ops.runs where ready";

#[tokio::test]
async fn a_key_is_held_by_one_run_at_a_time_and_passed_on_in_order() {
    let scene = Scene::new().await;
    let mut waiting = Vec::new();
    for priority in [100, 50, 100] {
        waiting.push(scene.enqueue(json!({ "concurrency_key": "k", "priority": priority })).await);
    }
    for expected in [waiting[1], waiting[0], waiting[2]] {
        let claim = scene.claim().await;
        assert_eq!(claim.id, expected);
        assert_eq!(scene.try_claim().await, None);
        scene.start(claim).await;
        scene.succeed(claim).await;
    }
}

#[tokio::test]
async fn a_run_that_nobody_can_take_does_not_hold_its_key() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k", "required_labels": ["nobody"] })).await;
    let id = scene.enqueue(json!({ "concurrency_key": "k" })).await;
    assert_eq!(scene.claim().await.id, id);
}

#[tokio::test]
async fn keys_are_a_projects_own() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    scene.enqueue_in("b", json!({ "concurrency_key": "k" })).await;
    assert!(scene.try_claim().await.is_some() && scene.try_claim().await.is_some());
}

#[tokio::test]
async fn waiting_for_a_taken_key_keeps_runs_out_of_the_claim_index() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    scene.claim().await;
    for _ in 0..50 {
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
    }
    assert_eq!(value::<i64>(&scene.operator, READY, &[]).await, 0);
}

#[tokio::test]
async fn key_and_project_limit_hold_together() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 2)", &[]).await;
    for _ in 0..3 {
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
    }
    let plain = (scene.queued().await, scene.queued().await);
    let (keyed, free) = (scene.claim().await, scene.claim().await);
    assert_eq!(free.id, plain.0, "the key's second run is passed over, not waited for");
    assert_eq!(scene.try_claim().await, None);
    scene.start(keyed).await;
    scene.succeed(keyed).await;
    let next = scene.claim().await;
    assert_ne!(next.id, plain.1, "the next of the key is older");
    assert_eq!(scene.try_claim().await, None);
    scene.start(free).await;
    scene.succeed(free).await;
    assert_eq!(scene.claim().await.id, plain.1);
}

#[tokio::test]
async fn a_claim_passes_over_a_key_that_somebody_is_just_changing() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let plain = scene.queued().await;
    let holder = scene.database.superuser().await;
    holder
        .batch_execute(
            "begin; select from ops.concurrency_keys where concurrency_key = 'k' for no key update",
        )
        .await
        .expect("hold the slot");
    assert_eq!(scene.claim().await.id, plain);
    assert_eq!(scene.try_claim().await, None, "without waiting");
    holder.batch_execute("commit").await.expect("commit");
    assert!(scene.try_claim().await.is_some());
}

#[tokio::test]
async fn an_insert_during_a_completion_is_not_forgotten() {
    let scene = Scene::new().await;
    scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let first = scene.claim().await;
    scene.start(first).await;
    let inserting = scene.database.superuser().await;
    inserting.batch_execute("begin").await.expect("begin");
    let sql = "select id from ops.enqueue_run('acme', 'test', p_options => '{\"concurrency_key\": \"k\"}')";
    let second: Uuid = value(&inserting, sql, &[]).await;
    let pid = backend_pid(&scene.worker).await;
    let observer = scene.database.superuser().await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        inserting.batch_execute("commit").await.expect("commit");
    };
    tokio::join!(scene.succeed(first), commit);
    assert_eq!(scene.claim().await.id, second);
}

#[tokio::test]
async fn two_dependencies_that_end_at_once_release_their_dependent() {
    let scene = Scene::new().await;
    let (first, second) = (scene.running().await, scene.running().await);
    let last = scene.enqueue(json!({ "depends_on": [first.id, second.id] })).await;
    let ending = scene.database.superuser().await;
    ending.batch_execute("begin").await.expect("begin");
    let complete = "select ops.complete_workflow_run($1, 0, null, $2)";
    run(&ending, complete, &[&first.id, &first.token]).await;
    let pid = backend_pid(&scene.worker).await;
    let observer = scene.database.superuser().await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        ending.batch_execute("commit").await.expect("commit");
    };
    tokio::join!(scene.succeed(second), commit);
    assert_eq!(scene.claim().await.id, last);
}

#[tokio::test]
async fn a_dependency_that_ends_while_it_is_named_is_not_missed() {
    let scene = Scene::new().await;
    let first = scene.running().await;
    let ending = scene.database.superuser().await;
    ending.batch_execute("begin").await.expect("begin");
    let complete = "select ops.complete_workflow_run($1, 0, null, $2)";
    run(&ending, complete, &[&first.id, &first.token]).await;
    let pid = backend_pid(&scene.operator).await;
    let observer = scene.database.superuser().await;
    let commit = async {
        wait_until_blocked(&observer, pid).await;
        ending.batch_execute("commit").await.expect("commit");
    };
    let (last, ()) = tokio::join!(scene.enqueue(json!({ "depends_on": [first.id] })), commit);
    assert_eq!(scene.claim().await.id, last);
}

#[tokio::test]
async fn a_stale_snapshot_cannot_take_a_key_twice() {
    let scene = Scene::new().await;
    let first = scene.enqueue(json!({ "concurrency_key": "k" })).await;
    let stale = scene.database.superuser().await;
    stale
        .batch_execute("begin isolation level repeatable read; select count(*) from ops.runs")
        .await
        .expect("an old snapshot");
    assert_eq!(scene.claim().await.id, first);
    let answer = stale.query("select id from ops.claim_next_run('w2')", &[]).await;
    let taken = answer.map(|rows| rows.len());
    assert!(taken.is_err() || taken.is_ok_and(|rows| rows == 0));
}

#[tokio::test]
async fn runs_that_a_race_left_behind_are_freed_by_the_reaper() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 1)", &[]).await;
    let (limited, paused) = (scene.queued().await, scene.queued().await);
    let superuser = scene.database.superuser().await;
    let strand = "update ops.runs set ready = false, blocked_by = $2::text::ops.wait_cause where id = $1";
    run(&superuser, strand, &[&limited, &"project_limit"]).await;
    run(&superuser, strand, &[&paused, &"paused"]).await;
    assert_eq!(scene.try_claim().await, None);
    run(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    let first = scene.claim().await;
    scene.start(first).await;
    scene.succeed(first).await;
    let second = scene.claim().await;
    assert_eq!([first.id, second.id].iter().filter(|id| [limited, paused].contains(id)).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_are_exact_with_many_claimers_at_once() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_concurrency_key('acme', 'three', 3)", &[]).await;
    run(&scene.operator, "select ops.put_project('acme', p_max_running => 4)", &[]).await;
    for number in 0..60 {
        let options = match number % 3 {
            0 => json!({ "concurrency_key": "one" }),
            1 => json!({ "concurrency_key": "three" }),
            _ => json!({}),
        };
        scene.enqueue(options).await;
    }
    let guard = "create function public.guard_limits() returns trigger language plpgsql as $$ begin \
         if (select count(*) from ops.runs where active) > 4 \
           or (select count(*) from ops.runs where active and concurrency_key = 'one') > 1 \
           or (select count(*) from ops.runs where active and concurrency_key = 'three') > 3 \
         then raise exception 'a limit was passed'; end if; return null; end $$; \
         create trigger guard_limits after update on ops.runs for each statement \
         execute function public.guard_limits()";
    scene.database.superuser().await.batch_execute(guard).await.expect("a guard");
    let mut tasks = Vec::new();
    for number in 0..8 {
        let client = scene.database.login(crate::support::postgres_roles::Login::Worker).await;
        tasks.push(tokio::spawn(async move {
            let worker = format!("w{number}");
            let mut done = 0;
            let mut empty = 0;
            while empty < 200 {
                let Some(Claim { id, token, .. }) = claim(&client, &worker).await else {
                    empty += 1;
                    tokio::task::yield_now().await;
                    continue;
                };
                empty = 0;
                run(&client, "select ops.start_workflow_run($1, $2, $3)", &[&id, &worker, &token]).await;
                run(&client, "select ops.complete_workflow_run($1, 0, null, $2)", &[&id, &token]).await;
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("no claimer panics");
    }
    assert_eq!(done, 60);
    let drift = "select count(*) from ops.concurrency_keys where running <> 0";
    assert_eq!(value::<i64>(&scene.operator, drift, &[]).await, 0);
}

#[tokio::test]
async fn a_slot_that_comes_free_wakes_the_workers_for_a_run_that_was_ready_before() {
    for limit in ["select 1", "select ops.put_project('acme', p_max_running => 1)"] {
        let scene = Scene::new().await;
        run(&scene.operator, limit, &[]).await;
        scene.enqueue(json!({ "concurrency_key": "k" })).await;
        let holder = scene.claim().await;
        scene.start(holder).await;
        let passed_over = scene.enqueue(json!({ "concurrency_key": "k" })).await;
        let sql = "update ops.runs set ready = true, blocked_by = null where id = $1";
        run(&scene.database.superuser().await, sql, &[&passed_over]).await;
        let mut notifications = scene.database.notifications(&["ops_run_queued"]).await;
        assert_eq!(scene.succeed(holder).await, "succeeded");
        notifications.next().await;
        assert_eq!(scene.claim().await.id, passed_over, "{limit}");
    }
}

#[tokio::test]
async fn due_runs_do_not_flood_the_claim_index_when_their_slot_is_taken() {
    let later = "2199-01-01T00:00:00Z";
    let ready = "select count(*) from ops.runs where ready";
    let scene = Scene::new().await;
    for _ in 0..5 {
        scene.enqueue(json!({ "concurrency_key": "k", "not_before": later })).await;
    }
    scene.make_due().await;
    run(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    assert_eq!(value::<i64>(&scene.operator, ready, &[]).await, 1, "the key is free for one");
    let holder = scene.claim().await;
    let waiting = scene.enqueue(json!({ "concurrency_key": "k", "not_before": later })).await;
    scene.make_due().await;
    run(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    assert_eq!(value::<i64>(&scene.operator, ready, &[]).await, 0, "the key is taken");
    assert_eq!(scene.waits_for(waiting).await, "key");
    scene.start(holder).await;
    scene.succeed(holder).await;
    run(&scene.operator, "select ops.put_project('b', p_max_running => 2)", &[]).await;
    for _ in 0..5 {
        scene.enqueue_in("b", json!({ "not_before": later })).await;
    }
    scene.make_due().await;
    run(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    let limited = "select count(*) from ops.runs where limited and ready";
    assert_eq!(value::<i64>(&scene.operator, limited, &[]).await, 2, "room for two");
    let mut claims = Vec::new();
    while let Some(claim) = scene.try_claim().await {
        scene.start(claim).await;
        claims.push(claim);
        if claims.len() >= 3 {
            scene.succeed(claims.remove(0)).await;
        }
    }
    for claim in claims {
        scene.succeed(claim).await;
    }
    let mut left = 0;
    while let Some(claim) = scene.try_claim().await {
        scene.start(claim).await;
        scene.succeed(claim).await;
        left += 1;
        assert!(left < 20, "the queue ends");
    }
    let done = "select count(*) from ops.runs where status = 'succeeded'";
    assert_eq!(value::<i64>(&scene.operator, done, &[]).await, 11, "nothing was left behind");
}
