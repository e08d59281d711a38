//! Two sessions settle dependents that both of their runs have: they follow each other.

use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::contract::scene::{Claim, Parameters, Scene, run};
use crate::support::signals::{backend_pid, wait_until_blocked, within_limit};

const FAIL: &str = "select ops.complete_workflow_run($1, 1, null, $2, 'user')";
const FAIL_TWO: &str =
    "select ops.complete_workflow_runs($1, $2, '{1,1}', '{null,null}', '{user,user}', '{null,null}')";

/// x and y run; d1 waits for x, d2 for both, e for d1 and d2.
async fn diamond(scene: &Scene) -> (Claim, Claim, [Uuid; 3]) {
    let (x, y) = (scene.running().await, scene.running().await);
    let d1 = scene.enqueue(json!({ "depends_on": [x.id] })).await;
    let d2 = scene.enqueue(json!({ "depends_on": [x.id, y.id] })).await;
    let e = scene.enqueue(json!({ "depends_on": [d1, d2] })).await;
    (x, y, [d1, d2, e])
}

/// Both calls meet while a third session holds the last dependent.
async fn meet(scene: &Scene, held: Uuid, one: (&str, Parameters<'_>), two: (&str, Parameters<'_>)) {
    let connections: [Client; 4] = [
        scene.database.superuser().await,
        scene.database.superuser().await,
        scene.database.superuser().await,
        scene.database.superuser().await,
    ];
    let [holder, first, second, observer] = &connections;
    holder.batch_execute("begin").await.expect("begin");
    run(holder, "select from ops.runs where id = $1 for no key update", &[&held]).await;
    let (first_pid, second_pid) = (backend_pid(first).await, backend_pid(second).await);
    let release = async {
        wait_until_blocked(observer, first_pid).await;
        wait_until_blocked(observer, second_pid).await;
        holder.batch_execute("commit").await.expect("commit");
    };
    let second_after_first = async {
        wait_until_blocked(observer, first_pid).await;
        run(second, two.0, two.1).await;
    };
    within_limit("both", async { tokio::join!(run(first, one.0, one.1), second_after_first, release) }).await;
}

#[tokio::test]
async fn two_completions_with_a_common_dependent_do_not_deadlock() {
    let scene = Scene::new().await;
    let (x, y, dependents) = diamond(&scene).await;
    meet(&scene, dependents[2], (FAIL, &[&x.id, &x.token]), (FAIL, &[&y.id, &y.token])).await;
    for id in dependents {
        assert_eq!(scene.status(id).await, "canceled");
    }
}

#[tokio::test]
async fn a_cancel_and_a_batch_with_a_common_dependent_do_not_deadlock() {
    let scene = Scene::new().await;
    let (x, y, [d1, d2, e]) = diamond(&scene).await;
    let (ids, tokens) = (vec![y.id, x.id], vec![y.token, x.token]);
    meet(&scene, e, (FAIL_TWO, &[&ids, &tokens]), ("select ops.cancel_run($1, 'no')", &[&d1])).await;
    for id in [d1, d2, e] {
        assert_eq!(scene.status(id).await, "canceled");
    }
}

#[tokio::test]
async fn the_reaper_leaves_a_run_whose_dependent_is_held_for_the_next_time() {
    let scene = Scene::new().await;
    let id = scene.enqueue(json!({ "max_attempts": 1 })).await;
    scene.claim().await;
    let dependent = scene.enqueue(json!({ "depends_on": [id] })).await;
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin").await.expect("begin");
    run(&holder, "select from ops.runs where id = $1 for no key update", &[&dependent]).await;
    scene.worker.batch_execute("set lock_timeout = '2s'").await.expect("a timeout");
    assert_eq!(scene.lose_all_leases().await, 0);
    holder.batch_execute("commit").await.expect("commit");
    assert_eq!(scene.lose_all_leases().await, 1);
    assert_eq!(scene.status(dependent).await, "canceled");
}
