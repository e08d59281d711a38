//! Where the tests of this folder play: a database, a store and an engine of their own, and workers on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use odooops::action::{Git, OdooSettings};
use odooops::container::fake::FakeContainers;
use odooops::container::{Containers, OwnedKind};
use odooops::contract::listen::Listener;
use odooops::contract::{Contract, EnqueueOptions, NewProject, NewRun, RunId};
use odooops::runner::{
    Edges, LEASE_SECS, LOG_LIMIT_BYTES, Phase, Polling, Shutdown, Status, Sweeping, Worker, WorkerError,
    WorkerSettings,
};
use odooops::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::support::gate::Gate;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::signals::{wait_until, within_limit};

/// The project of every run here.
pub(super) const PROJECT: &str = "shop";

/// A database, a store, an engine.
pub(super) struct Stage {
    pub(super) database: TestDatabase,
    pub(super) operator: Contract,
    /// Superuser, for looking.
    pub(super) eye: Client,
    pub(super) engine: Arc<FakeContainers>,
    pub(super) store_dir: TempDir,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let operator = database.contract(Login::Operator);
        operator
            .put_project(&NewProject { slug: PROJECT.to_owned(), ..NewProject::default() })
            .await
            .expect("a project");
        let eye = database.superuser().await;
        let store_dir = TempDir::new().expect("a folder for the store");
        Self { database, operator, eye, engine: Arc::new(FakeContainers::new()), store_dir }
    }

    /// Defines a workflow and queues a run of it.
    pub(super) async fn queue(&self, definition: Value) -> RunId {
        self.queue_with(definition, json!({}), EnqueueOptions::default()).await
    }

    pub(super) async fn queue_with(&self, definition: Value, input: Value, options: EnqueueOptions) -> RunId {
        self.operator.put_workflow(PROJECT, "work", &definition, None).await.expect("a good definition");
        self.enqueue("work", input, options).await
    }

    pub(super) async fn enqueue(&self, workflow: &str, input: Value, options: EnqueueOptions) -> RunId {
        let run = NewRun {
            project: PROJECT.to_owned(),
            workflow: workflow.to_owned(),
            git_ref: Some("main".to_owned()),
            commit_sha: None,
            input,
            options,
        };
        self.operator.enqueue_run(&run).await.expect("a queued run").id
    }

    pub(super) async fn store(&self) -> Store {
        Store::open(&format!("file://{}", self.store_dir.path().display())).await.expect("a store")
    }

    /// Edges as a worker has them: worker rights, LISTEN, the fake engine, a folder as store.
    pub(super) async fn edges(&self) -> Edges {
        let settings = self.database.settings(Login::Worker);
        Edges {
            contract: Contract::new(&settings).expect("a good URL"),
            listener: Listener::start(settings),
            containers: Arc::clone(&self.engine) as Arc<dyn Containers>,
            store: self.store().await,
        }
    }

    /// The same with the database behind a gate.
    pub(super) async fn edges_by(&self, gate: &Gate) -> Edges {
        let mut settings = self.database.settings(Login::Worker);
        settings.url = gate.url(&self.database.login_url(Login::Worker)).into();
        Edges {
            contract: Contract::new(&settings).expect("a good URL"),
            listener: Listener::start(settings),
            ..self.edges().await
        }
    }

    /// A worker with default settings.
    pub(super) async fn worker(&self) -> Running {
        self.worker_with(settings("worker-001")).await
    }

    pub(super) async fn worker_with(&self, settings: WorkerSettings) -> Running {
        Running::start(settings, self.edges().await)
    }

    /// One run as `ops.runs` has it.
    pub(super) async fn run(&self, run_id: RunId) -> Value {
        let sql = "select to_jsonb(r) from ops.runs r where r.id = $1";
        self.eye.query_one(sql, &[&run_id.0]).await.expect("the run").get(0)
    }

    /// Waits until a run is in this state, and gives it.
    pub(super) async fn until(&self, run_id: RunId, status: &str) -> Value {
        wait_until(&format!("run {run_id} is {status}"), async || {
            let run = self.run(run_id).await;
            let ended = matches!(run["status"].as_str(), Some("succeeded" | "failed" | "canceled"));
            assert!(run["status"] == status || !ended, "the run ended otherwise: {run}");
            (run["status"] == status).then_some(run)
        })
        .await
    }

    /// The stored lines of a run's latest attempt, as `step: message`.
    pub(super) async fn lines(&self, run_id: RunId) -> Vec<String> {
        let sql = "select coalesce(step, '') || ': ' || message from ops.run_logs where run_id = $1 \
                   and attempt = (select attempt from ops.runs where id = $1) order by seq";
        let rows = self.eye.query(sql, &[&run_id.0]).await.expect("lines");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Compares the final record of the latest attempt with what a reader computes from the stored lines.
    pub(super) async fn assert_log_is_whole(&self, run_id: RunId) {
        let sql = "with stored as (
             select coalesce(string_agg(message || E'\n', '' order by seq), '') as text, count(*) as lines
             from ops.run_logs l join ops.runs r on r.id = l.run_id and r.attempt = l.attempt
             where l.run_id = $1)
           select a.log_lines = s.lines, a.log_bytes = octet_length(convert_to(s.text, 'UTF8')),
             a.log_sha256 = encode(sha256(convert_to(s.text, 'UTF8')), 'hex')
           from stored s, ops.run_attempts a join ops.runs r on r.id = a.run_id and r.attempt = a.attempt
           where a.run_id = $1";
        let row = self.eye.query_one(sql, &[&run_id.0]).await.expect("the final record");
        let whole = (row.get(0), row.get(1), row.get(2));
        assert_eq!(whole, (Some(true), Some(true), Some(true)), "lines, bytes, sha256 of the record");
    }

    /// Every row of every table and view of `ops`, as text.
    pub(super) async fn dump_of_ops(&self) -> String {
        let tables = "select format('%I.%I', n.nspname, c.relname) from pg_class c
                      join pg_namespace n on n.oid = c.relnamespace
                      where n.nspname = 'ops' and c.relkind in ('r', 'p', 'v')";
        let mut dump = String::new();
        for row in self.eye.query(tables, &[]).await.expect("the tables") {
            let all = format!(
                "select coalesce(string_agg(t::text, E'\\n'), '') from {} t",
                row.get::<_, String>(0)
            );
            dump.push_str(&self.eye.query_one(&all, &[]).await.expect("its rows").get::<_, String>(0));
        }
        dump
    }

    /// (attempt, step, status) of all recorded steps.
    pub(super) async fn steps(&self, run_id: RunId) -> Vec<(i32, String, String)> {
        let sql = "select attempt, step, status::text from ops.run_steps where run_id = $1 order by attempt, started_at, step";
        let rows = self.eye.query(sql, &[&run_id.0]).await.expect("steps");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// What is left on the fake engine.
    pub(super) fn left_over(&self) -> Vec<(OwnedKind, String)> {
        self.engine.left_over()
    }
}

/// Settings of a test worker: one slot, quick polls, real lease times.
pub(super) fn settings(worker_id: &str) -> WorkerSettings {
    WorkerSettings {
        worker_id: worker_id.to_owned(),
        labels: Vec::new(),
        slots: 1,
        host: "test".to_owned(),
        lease_secs: LEASE_SECS,
        heartbeat_every: Duration::from_secs(10),
        drain_timeout: Duration::from_secs(20),
        cancel_grace: Duration::from_secs(1),
        run_timeout: Duration::from_secs(60),
        polling: Polling { listening: Duration::from_secs(30), deaf: Duration::from_millis(100) },
        sweeping: Sweeping { leftovers: Duration::from_millis(500), lost_runs: Duration::from_millis(500) },
        log_limit_bytes: LOG_LIMIT_BYTES,
        allowed_networks: BTreeSet::new(),
        secrets: BTreeMap::new(),
        redact_also: Vec::new(),
        registry_auth: BTreeMap::new(),
        odoo: OdooSettings {
            database_url: None,
            image: None,
            data_dir: None,
            ca_bundle: None,
            pip_index_url: None,
        },
        git: Git::new(odooops::git::GitSettings::default()),
    }
}

/// A worker at work; stopped when dropped.
pub(super) struct Running {
    pub(super) status: Status,
    pub(super) shutdown: Shutdown,
    task: JoinHandle<Result<(), WorkerError>>,
}

impl Running {
    pub(super) fn start(settings: WorkerSettings, edges: Edges) -> Self {
        let worker = Worker::new(settings, edges).expect("good settings");
        let (status, shutdown) = (worker.status(), Shutdown::new());
        let task = tokio::spawn(worker.run(shutdown.clone()));
        Self { status, shutdown, task }
    }

    /// Waits until it claims.
    pub(super) async fn ready(&self) {
        wait_until("the worker is ready", async || self.status.not_ready().is_empty().then_some(())).await;
    }

    /// Asks it to drain and waits for its end.
    pub(super) async fn drained(&mut self) {
        self.shutdown.drain.cancel();
        self.ended().await.expect("a worker that drained ends well");
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> Result<(), WorkerError> {
        let ended = within_limit("the worker's end", &mut self.task).await;
        assert_eq!(self.status.phase(), Phase::Stopped);
        ended.expect("the worker did not panic")
    }

    /// Ends it as a crash would: nothing is cleaned up, nobody is told.
    pub(super) fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A workflow with one container step.
pub(super) fn one_step() -> Value {
    json!({ "steps": [{ "name": "build", "image": "tool:1", "command": ["make"] }] })
}
