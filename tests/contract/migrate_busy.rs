//! `migrate` beside a busy queue: no run is lost, no call fails, and none waits long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use odooops::contract::migrate::{self, Schema};
use tokio_postgres::Client;
use uuid::Uuid;

use super::scene::{Scene, value};
use crate::support::postgres_roles::Login;

/// Sessions that put runs into the queue, as many that take them out, and as many that look.
const SESSIONS: usize = 2;
/// Migrations beside them, each of everything.
const MIGRATIONS: usize = 4;
/// Longest wait for one table, the window for the others, and what the work under the locks may take on a
/// slow machine.
const LONGEST_CALL: Duration = Duration::from_millis(2500 + 500 + 3000);

/// What one session did.
#[derive(Default)]
struct Tally {
    runs: usize,
    calls: usize,
    longest: Duration,
}

impl Tally {
    /// Makes a call, which must not fail.
    async fn call(
        &mut self,
        client: &Client,
        sql: &str,
        params: super::scene::Parameters<'_>,
    ) -> Option<Claim> {
        let started = Instant::now();
        let row = client.query_opt(sql, params).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        self.longest = self.longest.max(started.elapsed());
        self.calls += 1;
        row.map(|row| (row.get(0), row.get(1)))
    }
}

type Claim = (Uuid, Uuid);

async fn enqueue_all_the_time(client: Client, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        tally.call(&client, "select id, id from ops.enqueue_run('acme', 'odoo-test')", &[]).await;
        tally.runs += 1;
    }
    tally
}

/// Works until there is nothing left once the others have stopped.
async fn work_all_the_time(client: Client, worker: String, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let claim = "select id, claim_token from ops.claim_next_run($1, 600)";
    let start = "select id, id from ops.start_workflow_run($1, $2, $3)";
    let log = "select $1::uuid, $1::uuid from ops.append_run_log($1, 'info', 'a line', '{}', $2)";
    let complete = "select id, id from ops.complete_workflow_run($1, 0, null, $2)";
    loop {
        let last_round = stop.load(Ordering::Relaxed);
        let Some((id, token)) = tally.call(&client, claim, &[&worker]).await else {
            if last_round {
                return tally;
            }
            continue;
        };
        tally.call(&client, start, &[&id, &worker, &token]).await;
        tally.call(&client, log, &[&id, &token]).await;
        tally.call(&client, complete, &[&id, &token]).await;
        tally.runs += 1;
    }
}

async fn look_all_the_time(client: Client, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let lines = "select id, id from ops.list_runs('acme', p_limit => 1)";
    let view = "select id, id from ops.run_overview order by id limit 1";
    while !stop.load(Ordering::Relaxed) {
        tally.call(&client, lines, &[]).await;
        tally.call(&client, view, &[]).await;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_and_no_call_fails_or_waits_long_while_everything_is_migrated() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let (producers_stop, workers_stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (mut producers, mut workers) = (Vec::new(), Vec::new());
    for number in 0..SESSIONS {
        let operator = scene.database.login(Login::Operator).await;
        producers.push(tokio::spawn(enqueue_all_the_time(operator, producers_stop.clone())));
        let operator = scene.database.login(Login::Operator).await;
        producers.push(tokio::spawn(look_all_the_time(operator, producers_stop.clone())));
        let worker = scene.database.login(Login::Worker).await;
        workers.push(tokio::spawn(work_all_the_time(worker, format!("w{number}"), workers_stop.clone())));
    }
    let mut took = Vec::new();
    for _ in 0..MIGRATIONS {
        superuser.batch_execute("delete from ops.schema_digests").await.expect("forget everything");
        let started = Instant::now();
        migrate::apply(&scene.database.superuser_settings(), &Schema::embedded()).await.expect("migrate");
        took.push(started.elapsed());
    }
    producers_stop.store(true, Ordering::Relaxed);
    let mut longest = Duration::ZERO;
    let (mut queued, mut completed, mut calls) = (0, 0, 0);
    for producer in producers {
        let tally = producer.await.expect("no call fails");
        (queued, calls, longest) = (queued + tally.runs, calls + tally.calls, longest.max(tally.longest));
    }
    workers_stop.store(true, Ordering::Relaxed);
    for worker in workers {
        let tally = worker.await.expect("no call fails");
        (completed, calls) = (completed + tally.runs, calls + tally.calls);
        longest = longest.max(tally.longest);
    }
    println!("{completed} runs, {calls} calls, the longest {longest:?}; migrations took {took:?}");
    assert_eq!(completed, queued);
    let succeeded = "select count(*) from ops.runs where status = 'succeeded' and attempt = 1";
    assert_eq!(usize::try_from(value::<i64>(&scene.operator, succeeded, &[]).await), Ok(queued));
    assert!(queued > 10, "the queue was busy: {queued} runs");
    assert!(longest < LONGEST_CALL, "the longest call took {longest:?}");
    assert_eq!(migrate::check(&scene.database.superuser_settings()).await.expect("check"), []);
}
