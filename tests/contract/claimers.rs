//! Many claimers at once: each run exactly once.

use std::collections::HashMap;

use uuid::Uuid;

use super::scene::{Scene, run, value, values};
use crate::support::postgres_roles::Login;

const QUEUE: &str = "insert into ops.runs (project_id, workflow_id) \
     select p.id, w.id from ops.projects p, ops.workflows w, generate_series(1, $1) \
     where p.slug = 'acme' and w.name = 'odoo-test'";

/// Claims with `workers` connections until nothing is left; how often each run was claimed.
async fn claim_all(scene: &Scene, workers: usize, batch: i32) -> HashMap<Uuid, usize> {
    let mut tasks = Vec::new();
    for number in 0..workers {
        let client = scene.database.login(Login::Worker).await;
        tasks.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let sql = "select id from ops.claim_runs($1, $2)";
                let ids: Vec<Uuid> = values(&client, sql, &[&format!("w{number}"), &batch]).await;
                if ids.is_empty() {
                    return mine;
                }
                mine.extend(ids);
            }
        }));
    }
    let mut claims = HashMap::new();
    for task in tasks {
        for id in task.await.expect("no claimer panics") {
            *claims.entry(id).or_default() += 1;
        }
    }
    claims
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_claimers_claim_each_of_2000_runs_exactly_once() {
    let scene = Scene::new().await;
    run(&scene.operator, QUEUE, &[&2000]).await;
    let claims = claim_all(&scene, 20, 1).await;
    assert_eq!(claims.len(), 2000);
    assert!(claims.values().all(|times| *times == 1));
    let attempts = "select count(*) from ops.run_attempts";
    assert_eq!(value::<i64>(&scene.operator, attempts, &[]).await, 2000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_are_as_exact() {
    let scene = Scene::new().await;
    run(&scene.operator, QUEUE, &[&2000]).await;
    let claims = claim_all(&scene, 8, 37).await;
    assert_eq!(claims.len(), 2000);
    assert!(claims.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_runs_and_three_workers_of_the_seed_never_collide() {
    let scene = Scene::new().await;
    run(&scene.operator, QUEUE, &[&5]).await;
    let claims = claim_all(&scene, 3, 1).await;
    assert_eq!(claims.len(), 5);
    assert!(claims.values().all(|times| *times == 1));
    let by_worker = "select count(distinct id) from ops.runs where status = 'claimed' and attempt = 1";
    assert_eq!(value::<i64>(&scene.operator, by_worker, &[]).await, 5);
}

#[tokio::test]
async fn a_claim_that_is_rolled_back_leaves_the_run_to_others() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    scene.worker.batch_execute("begin").await.expect("begin");
    assert_eq!(scene.claim().await.id, id);
    let other = scene.database.login(Login::OtherWorker).await;
    assert_eq!(super::scene::claim(&other, "w2").await, None, "it does not wait either");
    scene.worker.batch_execute("rollback").await.expect("rollback");
    assert_eq!(super::scene::claim(&other, "w2").await.map(|claim| (claim.id, claim.attempt)), Some((id, 1)));
}
