//! How a worker ends: it drains, it runs out of patience, it is told twice, or an operator asks for it.

use std::time::Duration;

use odooops::container::fake::Script;
use odooops::runner::Phase;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, one_step, settings};
use crate::support::signals::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_worker_finishes_what_it_has_and_takes_nothing_new() {
    let stage = Stage::new().await;
    let told = CancellationToken::new();
    stage.engine.script("build", Script::new().until(&told));
    let first = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;
    stage.engine.until_started("build").await;
    let second = stage.queue(one_step()).await;

    worker.shutdown.signal();
    wait_until("the database knows that it drains", async || {
        let row = stage.eye.query_one("select state::text from ops.workers", &[]).await.expect("a worker");
        (row.get::<_, String>(0) == "draining").then_some(())
    })
    .await;
    told.cancel();
    worker.ended().await.expect("a good end");

    assert_eq!(stage.run(first).await["status"], "succeeded");
    assert_eq!(stage.run(second).await["status"], "queued");
    let state: String =
        stage.eye.query_one("select state::text from ops.workers", &[]).await.expect("it").get(0);
    assert_eq!(state, "offline");
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_the_worker_drains() {
    let stage = Stage::new().await;
    let told = CancellationToken::new();
    stage.engine.script("build", Script::new().until(&told));
    let run_id = stage.queue(one_step()).await;
    let mut quick = settings("worker-001");
    quick.lease_secs = 6;
    quick.heartbeat_every = Duration::from_millis(200);
    let mut worker = stage.worker_with(quick).await;
    stage.engine.until_started("build").await;
    worker.shutdown.signal();
    let before = stage.run(run_id).await["lease_expires_at"].clone();
    wait_until("the lease is renewed", async || {
        (stage.run(run_id).await["lease_expires_at"] != before && worker.status.phase() == Phase::Draining)
            .then_some(())
    })
    .await;
    told.cancel();
    worker.ended().await.expect("a good end");
    assert_eq!(stage.run(run_id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_gives_the_run_back_without_counting_the_attempt() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("half\n").forever());
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;
    stage.engine.until_started("build").await;

    worker.shutdown.signal();
    worker.shutdown.signal();
    worker.ended().await.expect("a good end");

    let run = stage.run(run_id).await;
    assert_eq!((run["status"].as_str(), run["attempt"].as_i64()), (Some("queued"), Some(1)));
    assert_eq!((run["failed_attempts"].as_i64(), run["infra_attempts"].as_i64()), (Some(0), Some(0)));
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_given_back_although_its_clean_up_hangs() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().forever());
    let run_id = stage.queue(one_step()).await;
    let mut worker = stage.worker().await;
    stage.engine.until_started("build").await;
    stage.engine.hang_lists();
    worker.shutdown.signal();
    worker.shutdown.signal();
    worker.ended().await.expect("a good end");
    assert_eq!(stage.run(run_id).await["status"], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_outlasts_the_drain_time_is_given_back() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().forever().ignores_sigterm());
    let run_id = stage.queue(one_step()).await;
    let mut impatient = settings("worker-001");
    impatient.drain_timeout = Duration::from_millis(200);
    let mut worker = stage.worker_with(impatient).await;
    stage.engine.until_started("build").await;
    worker.drained().await;
    assert_eq!(stage.run(run_id).await["status"], "queued");
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_given_back_is_finished_by_another_worker() {
    let stage = Stage::new().await;
    stage.engine.script("-1-build", Script::new().forever());
    let run_id = stage.queue(one_step()).await;
    let mut first = stage.worker().await;
    stage.engine.until_started("-1-build").await;
    first.shutdown.signal();
    first.shutdown.signal();
    first.ended().await.expect("a good end");
    let _second = stage.worker_with(settings("worker-002")).await;
    let run = stage.until(run_id, "succeeded").await;
    assert_eq!(run["attempt"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ends_when_an_operator_drains_it() {
    let stage = Stage::new().await;
    let mut worker = stage.worker().await;
    worker.ready().await;
    stage.operator.drain_worker("worker-001").await.expect("asked");
    worker.ended().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_database_can_be_told_to_end() {
    let stage = Stage::new().await;
    let gate = crate::support::gate::Gate::before(&stage.database.url()).await;
    gate.shut();
    let mut worker = super::stage::Running::start(settings("worker-001"), stage.edges_by(&gate).await);
    worker.shutdown.signal();
    worker.ended().await.expect("a good end");
}
