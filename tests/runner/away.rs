//! The database, the engine or the store go away: at the start, in the middle, for a while, for too long.

use std::time::Duration;

use odooops::container::fake::{Call, Script};
use odooops::store::{Store, StoreSettings};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::stage::{Running, Stage, one_step, settings};
use crate::support::gate::Gate;
use crate::support::signals::{wait_until, within_limit};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_a_database_that_is_down_at_the_start() {
    let stage = Stage::new().await;
    let gate = Gate::before(&stage.database.url()).await;
    gate.shut();
    let run_id = stage.queue(one_step()).await;
    let worker = Running::start(settings("worker-001"), stage.edges_by(&gate).await);
    wait_until("it says why it is not ready", async || {
        worker.status.not_ready().iter().any(|cause| cause.contains("cannot be reached")).then_some(())
    })
    .await;
    gate.open();
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_database_goes_away_for_a_while() {
    let stage = Stage::new().await;
    let gate = Gate::before(&stage.database.url()).await;
    let (shut, open) = (CancellationToken::new(), CancellationToken::new());
    let script =
        Script::new().stdout("before\n").until(&shut).stdout("while away\n").until(&open).stdout("after\n");
    stage.engine.script("build", script);
    let run_id = stage.queue(one_step()).await;
    let worker = Running::start(settings("worker-001"), stage.edges_by(&gate).await);
    stage.engine.until_started("build").await;

    gate.shut();
    shut.cancel();
    wait_until("the worker notices", async || (!worker.status.not_ready().is_empty()).then_some(())).await;
    open.cancel();
    wait_until("the container has ended", async || {
        stage.engine.calls().contains(&Call::Remove).then_some(())
    })
    .await;
    gate.open();

    let run = stage.until(run_id, "succeeded").await;
    assert_eq!(run["attempt"], 1, "the same attempt went on");
    assert_eq!(stage.lines(run_id).await, ["build: before", "build: while away", "build: after"]);
    stage.assert_log_is_whole(run_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_and_goes_neither_loses_nor_doubles_a_line() {
    let stage = Stage::new().await;
    let gate = Gate::before(&stage.database.url()).await;
    let chunk = |number: usize| -> String {
        (0..500).map(|line| format!("line {}\n", number * 500 + line)).collect()
    };
    let script = (0..60).fold(Script::new(), |script, number| script.stdout(chunk(number)));
    stage.engine.script("build", script);
    let run_id = stage.queue(one_step()).await;
    let _worker = Running::start(settings("worker-001"), stage.edges_by(&gate).await);
    stage.engine.until_started("build").await;
    gate.slow(Duration::from_millis(5));
    let comes_and_goes = async {
        loop {
            gate.shut();
            tokio::time::sleep(Duration::from_millis(20)).await;
            gate.open();
            tokio::time::sleep(Duration::from_millis(1_200)).await;
        }
    };
    let run = tokio::select! {
        run = stage.until(run_id, "succeeded") => run,
        () = comes_and_goes => unreachable!("it never ends"),
    };
    assert_eq!(run["attempt"], 1);
    let lines = stage.lines(run_id).await;
    let expected: Vec<String> = (0..30_000).map(|number| format!("build: line {number}")).collect();
    assert!(lines == expected, "{} lines, in order", lines.len());
    stage.assert_log_is_whole(run_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_cut_off_for_longer_than_its_lease_stops_the_container_and_writes_nothing() {
    let stage = Stage::new().await;
    let gate = Gate::before(&stage.database.url()).await;
    stage.engine.script("-1-build", Script::new().forever().ignores_sigterm());
    let run_id = stage.queue(one_step()).await;
    let mut cut_off = settings("worker-001");
    cut_off.lease_secs = 5;
    cut_off.heartbeat_every = Duration::from_secs(1);
    let _first = Running::start(cut_off, stage.edges_by(&gate).await);
    stage.engine.until_started("-1-build").await;

    gate.shut();
    within_limit("the container's end", stage.engine.until_removed("-1-build")).await;
    assert_eq!(stage.run(run_id).await["status"], "running", "the first worker could write nothing");

    let _second = stage.worker_with(settings("worker-002")).await;
    let run = wait_until("it is reaped", async || {
        let run = stage.run(run_id).await;
        (run["status"] == "queued").then_some(run)
    })
    .await;
    assert_eq!(run["failed_attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_else_has_taken_is_stopped_at_once() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().forever());
    let run_id = stage.queue(one_step()).await;
    let mut quick = settings("worker-001");
    quick.heartbeat_every = Duration::from_millis(200);
    let _worker = stage.worker_with(quick).await;
    stage.engine.until_started("build").await;
    // A heartbeat may come between the two and renew the lease.
    let expire =
        "update ops.runs set lease_expires_at = now() - interval '1 s' where id = $1 and attempt = 1";
    wait_until("the run is taken from the worker", async || {
        stage.eye.execute(expire, &[&run_id.0]).await.expect("an expired lease");
        stage.operator.reap_lost_runs(10).await.expect("reaped");
        (stage.run(run_id).await["failed_attempts"] == 1).then_some(())
    })
    .await;
    within_limit("the container's end", stage.engine.until_removed("build")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_claims_nothing_while_the_engine_is_down() {
    let stage = Stage::new().await;
    stage.engine.break_engine();
    let run_id = stage.queue(one_step()).await;
    let worker = stage.worker().await;
    wait_until("the database knows that it is sick", async || {
        let row = stage
            .eye
            .query_opt("select reason from ops.workers where state = 'sick'", &[])
            .await
            .expect("look");
        row.and_then(|row| row.get::<_, Option<String>>(0))
            .filter(|reason| reason.contains("does not answer"))
    })
    .await;
    assert_eq!(stage.run(run_id).await["attempt"], 0, "not claimed");
    assert!(worker.status.not_ready().iter().any(|cause| cause.contains("container engine")));
    stage.engine.mend_engine();
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_away_in_a_step_costs_an_infra_attempt_and_no_more_runs() {
    let stage = Stage::new().await;
    stage.engine.script("-1-build", Script::new().forever());
    let (first, second) = (stage.queue(one_step()).await, stage.queue(one_step()).await);
    let mut worker = stage.worker().await;
    stage.engine.until_started("-1-build").await;

    stage.engine.break_engine();
    let run = wait_until("the run is queued again", async || {
        let run = stage.run(first).await;
        (run["status"] == "queued").then_some(run)
    })
    .await;
    assert_eq!(run["infra_attempts"], 1);
    wait_until("the worker says that it is sick", async || {
        (!worker.status.not_ready().is_empty()).then_some(())
    })
    .await;
    assert_eq!(stage.run(second).await["attempt"], 0, "the next run was not burnt");

    stage.engine.script("-1-build", Script::new());
    stage.engine.mend_engine();
    stage.until(second, "succeeded").await;
    wait_until("the janitor has removed what was left", async || stage.left_over().is_empty().then_some(()))
        .await;
    worker.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_run_starts_although_nobody_says_what_is_due_next() {
    let stage = Stage::new().await;
    let silent = "create or replace function ops.next_due_in_ms() returns bigint language sql volatile
                  as $$ select 1::bigint from pg_sleep(600) $$";
    stage.eye.batch_execute(silent).await.expect("a function that does not answer");
    let run_id = stage.queue(one_step()).await;
    let mut two_slots = settings("worker-001");
    two_slots.slots = 2;
    let _worker = stage.worker_with(two_slots).await;
    stage.until(run_id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_without_an_answer_does_not_hold_the_end_of_the_worker_up() {
    let stage = Stage::new().await;
    let observer = stage.database.superuser().await;
    let mut quick = settings("worker-001");
    quick.polling.listening = Duration::from_millis(200);
    let mut worker = stage.worker_with(quick).await;
    worker.ready().await;
    stage.eye.batch_execute("begin; lock table ops.runs in access exclusive mode").await.expect("locked");
    wait_until("a claim hangs, or the question after it", async || {
        let sql = "select count(*) > 0 from pg_stat_activity where datname = current_database()
                   and (query like '%claim_runs%' or query like '%next_due_in_ms%') and wait_event_type = 'Lock'";
        observer.query_one(sql, &[]).await.expect("a look").get::<_, bool>(0).then_some(())
    })
    .await;
    worker.shutdown.signal();
    worker.shutdown.signal();
    worker.ended().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_infrastructure() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().leaves("/workspace/report.xml", "<ok/>"));
    let definition =
        json!({ "steps": [{ "name": "build", "image": "tool:1", "artifacts": ["report.xml"] }] });
    let run_id = stage.queue(definition).await;
    let mut edges = stage.edges().await;
    edges.store = unreachable_store().await;
    let _worker = Running::start(settings("worker-001"), edges);
    let run = wait_until("the run is queued again", async || {
        let run = stage.run(run_id).await;
        (run["status"] == "queued" && run["attempt"] == 1).then_some(run)
    })
    .await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)), "{run}");
}

/// A store at a port where nobody listens.
async fn unreachable_store() -> Store {
    let settings = StoreSettings {
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        region: Some("us-east-1".to_owned()),
        keys: Some(("key".to_owned(), "secret".into())),
        max_attempts: 1,
        ..StoreSettings::default()
    };
    Store::open_with("s3://bucket/prefix", settings).await.expect("an address")
}
