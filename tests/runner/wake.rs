//! When a worker claims: woken by NOTIFY, by polling, by the time of a due run; and who may be a worker.

use std::time::{Duration, Instant};

use odooops::contract::EnqueueOptions;
use odooops::contract::listen::{Health, Listener};
use odooops::runner::{Edges, Polling, Worker};
use serde_json::json;

use super::stage::{Running, Stage, one_step, settings};
use crate::support::postgres_roles::Login;
use crate::support::signals::{wait_until, within_limit};

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_worker_is_woken_by_a_notification_within_milliseconds() {
    let stage = Stage::new().await;
    stage.operator.put_workflow(super::stage::PROJECT, "work", &one_step(), None).await.expect("a workflow");
    let mut seldom = settings("worker-001");
    seldom.polling = Polling { listening: Duration::from_secs(3600), deaf: Duration::from_secs(3600) };
    let edges = stage.edges().await;
    let mut health = edges.listener.health();
    let worker = Running::start(seldom, edges);
    within_limit("LISTEN", health.wait_for(|health| *health == Health::Healthy)).await.expect("it listens");
    worker.ready().await;
    let mut took = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let run_id = stage.enqueue("work", json!({}), EnqueueOptions::default()).await;
        stage.engine.until_started(&run_id.to_string()).await;
        took.push(begun.elapsed());
        stage.until(run_id, "succeeded").await;
    }
    took.sort();
    // Enqueue, claim, start, the step's record, volume and network: a dozen statements on a shared machine.
    assert!(took[2] < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_listen_finds_runs_by_polling() {
    let stage = Stage::new().await;
    let edges = Edges { listener: Listener::off(), ..stage.edges().await };
    let worker = Running::start(settings("worker-001"), edges);
    worker.ready().await;
    let run_id = stage.queue(one_step()).await;
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_wakes_by_itself_when_a_run_becomes_due() {
    let stage = Stage::new().await;
    let in_a_second = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_000);
    let options = EnqueueOptions { not_before: Some(in_a_second), ..EnqueueOptions::default() };
    let run_id = stage.queue_with(one_step(), json!({}), options).await;
    let mut seldom = settings("worker-001");
    seldom.polling = Polling { listening: Duration::from_secs(3600), deaf: Duration::from_secs(3600) };
    seldom.sweeping.lost_runs = Duration::from_secs(3600);
    let _worker = stage.worker_with(seldom).await;
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_as_many_runs_as_slots() {
    let stage = Stage::new().await;
    stage.engine.script("build", odooops::container::fake::Script::new().forever());
    for _ in 0..3 {
        stage.queue(one_step()).await;
    }
    let mut two = settings("worker-001");
    two.slots = 2;
    let worker = stage.worker_with(two).await;
    wait_until("two run", async || (stage.engine.started().len() == 2).then_some(())).await;
    let waiting: i64 = stage
        .eye
        .query_one("select count(*) from ops.runs where status = 'queued'", &[])
        .await
        .expect("it")
        .get(0);
    assert_eq!(waiting, 1);
    worker.shutdown.signal();
    worker.shutdown.signal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_refuses_a_database_of_another_contract_version() {
    let stage = Stage::new().await;
    let newer =
        "create or replace function ops.contract_info() returns ops.contract_version language sql stable security definer
                 as $$ select row(99, '0.1.0', i.id)::ops.contract_version from ops.instance i $$";
    stage.eye.batch_execute(newer).await.expect("a newer contract");
    let mut worker = stage.worker().await;
    let refused = worker.ended().await.expect_err("refused");
    assert!(refused.to_string().contains("version 99"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_id_of_another_login_is_refused() {
    let stage = Stage::new().await;
    let mut first = stage.worker().await;
    first.ready().await;
    let other = stage.database.settings(Login::OtherWorker);
    let contract = odooops::contract::Contract::new(&other).expect("a URL");
    let mut second = Running::start(settings("worker-001"), Edges { contract, ..stage.edges().await });
    let refused = second.ended().await.expect_err("refused");
    assert!(refused.to_string().contains("worker-001"), "{refused}");
    first.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_more_rights_than_it_needs_says_so() {
    let stage = Stage::new().await;
    let edges = Edges { contract: stage.database.contract(Login::Operator), ..stage.edges().await };
    let strong = Running::start(settings("worker-001"), edges);
    strong.ready().await;
    assert!(strong.status.excess_rights().iter().any(|excess| excess.contains("ops_operator")));
    let right = stage.worker_with(settings("worker-002")).await;
    right.ready().await;
    assert_eq!(right.status.excess_rights(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_work_are_refused() {
    let stage = Stage::new().await;
    let mut none = settings("worker-001");
    none.slots = 0;
    let mut short = settings("worker-001");
    short.lease_secs = 15;
    for wrong in [none, short] {
        assert!(Worker::new(wrong, stage.edges().await).is_err());
    }
}
