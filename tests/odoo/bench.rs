//! A control plane with one worker on the real engine, the sample repository, and an image for Odoo.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use odooops::action::{Git, OdooSettings};
use odooops::container::Containers;
use odooops::container::docker::{Docker, DockerSettings};
use odooops::contract::listen::Listener;
use odooops::contract::{Contract, EnqueueOptions, NewProject, NewRun, RunId};
use odooops::git::{GitSettings, Protocol};
use odooops::runner::{
    Edges, LEASE_SECS, LOG_LIMIT_BYTES, Polling, Shutdown, Sweeping, Worker, WorkerError, WorkerSettings,
};
use odooops::store::Store;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::odoo_server::odoo_server;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

/// The image that the stand-in's script makes.
pub(super) const STAND_IN: &str = "odooops-standin:18.0";
/// The project of every run here.
const PROJECT: &str = "odoo-sample";
/// No run here takes longer: a real Odoo needs its time.
const RUN_LIMIT: Duration = Duration::from_secs(600);
/// Certificates that pip may need on this machine.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The sample repository, made once.
static REPOSITORY: LazyLock<(TempDir, String)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let sha = script("tests/fixtures/sample/make.sh", &[folder.path().join("sample").display().to_string()]);
    (folder, sha)
});

/// The stand-in image, built once.
static STAND_IN_READY: LazyLock<()> = LazyLock::new(|| {
    script("tests/fixtures/standin/build.sh", &[]);
});

fn script(path: &str, arguments: &[String]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(root.join(path)).args(arguments).output().expect(path);
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes what all tests here share: the stand-in image and the sample repository.
pub(super) async fn prepare() {
    let make = || {
        LazyLock::force(&STAND_IN_READY);
        LazyLock::force(&REPOSITORY);
    };
    tokio::task::spawn_blocking(make).await.expect("image and repository");
}

/// The commit that branch main of the sample repository has.
pub(super) fn sample_commit() -> &'static str {
    &REPOSITORY.1
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) id: RunId,
    pub(super) run: Value,
    pub(super) lines: Vec<String>,
}

impl Ended {
    /// What all runs of one kind have in common: status, reason, message.
    pub(super) fn outcome(&self) -> (String, String, String) {
        let text = |key: &str| self.run[key].as_str().unwrap_or("-").to_owned();
        (text("status"), text("failure_reason"), text("error_message"))
    }

    #[track_caller]
    pub(super) fn result(&self) -> &Value {
        assert_eq!(self.run["status"], "succeeded", "{}\n{}", self.run, self.lines.join("\n"));
        &self.run["result"]
    }

    #[track_caller]
    pub(super) fn assert_failed(&self, reason: &str, message: &str) {
        let (status, failure_reason, error_message) = self.outcome();
        let as_expected = status == "failed" && failure_reason == reason && error_message.contains(message);
        assert!(
            as_expected,
            "expected {reason}: …{message}…\ngot {status} {failure_reason}: {error_message}\n{}",
            self.lines.join("\n")
        );
    }
}

pub(super) struct Bench {
    /// Dropped with the bench.
    _database: TestDatabase,
    pub(super) engine: Arc<Docker>,
    pub(super) odoo_url: SecretString,
    operator: Contract,
    eye: Client,
    store_dir: TempDir,
    shutdown: Shutdown,
    worker: JoinHandle<Result<(), WorkerError>>,
}

impl Bench {
    /// A worker whose Odoo is the stand-in.
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A worker whose Odoo settings are changed first.
    pub(super) async fn with(change: impl FnOnce(&mut OdooSettings)) -> Self {
        prepare().await;
        let database = TestDatabase::new().await;
        let operator = database.contract(Login::Operator);
        let project = NewProject {
            slug: PROJECT.to_owned(),
            repo_url: Some(format!("file://{}", REPOSITORY.0.path().join("sample").display())),
            odoo_version: Some("18.0".to_owned()),
            ..NewProject::default()
        };
        operator.put_project(&project).await.expect("a project");
        let eye = database.superuser().await;
        let odoo_url = odoo_server().await;
        let mut odoo = OdooSettings {
            database_url: Some(odoo_url.clone()),
            image: Some(STAND_IN.to_owned()),
            data_dir: None,
            ca_bundle: Some(PathBuf::from(CA_BUNDLE)).filter(|path| path.is_file()),
            pip_index_url: None,
        };
        change(&mut odoo);
        let store_dir = TempDir::new().expect("a folder for the store");
        let docker = DockerSettings { host: std::env::var("DOCKER_HOST").ok(), ..DockerSettings::default() };
        let engine = Arc::new(Docker::new(&docker).expect("DOCKER_HOST"));
        let settings = database.settings(Login::Worker);
        let edges = Edges {
            contract: Contract::new(&settings).expect("a good URL"),
            listener: Listener::start(settings),
            containers: Arc::clone(&engine) as Arc<dyn Containers>,
            store: Store::open(&format!("file://{}", store_dir.path().display())).await.expect("a store"),
        };
        let shutdown = Shutdown::new();
        let worker = Worker::new(worker_settings(odoo), edges).expect("good settings");
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        Self { _database: database, engine, odoo_url, operator, eye, store_dir, shutdown, worker }
    }

    pub(super) async fn enqueue(&self, workflow: &str, git_ref: &str, input: Value) -> RunId {
        let run = NewRun {
            project: PROJECT.to_owned(),
            workflow: workflow.to_owned(),
            git_ref: Some(git_ref.to_owned()),
            commit_sha: None,
            input,
            options: EnqueueOptions::default(),
        };
        self.operator.enqueue_run(&run).await.expect("a queued run").id
    }

    pub(super) async fn cancel(&self, run_id: RunId) {
        self.operator.cancel_run(run_id, "a test asked for it").await.expect("canceled");
    }

    /// Queues a run and waits for its end.
    pub(super) async fn run(&self, workflow: &str, git_ref: &str, input: Value) -> Ended {
        let run_id = self.enqueue(workflow, git_ref, input).await;
        self.ended(run_id).await
    }

    /// Waits for a run's end.
    pub(super) async fn ended(&self, id: RunId) -> Ended {
        let run = self
            .until(&format!("run {id} ends"), async || {
                let sql = "select to_jsonb(r) from ops.runs r where r.id = $1";
                let run: Value = self.eye.query_one(sql, &[&id.0]).await.expect("the run").get(0);
                matches!(run["status"].as_str(), Some("succeeded" | "failed" | "canceled")).then_some(run)
            })
            .await;
        Ended { id, run, lines: self.lines(id).await }
    }

    /// Asks again and again until there is an answer, within the limit of this folder.
    pub(super) async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(RUN_LIMIT, asking)
            .await
            .unwrap_or_else(|_| panic!("{what}: not within {RUN_LIMIT:?}"))
    }

    /// The stored lines of a run, `level message`.
    pub(super) async fn lines(&self, id: RunId) -> Vec<String> {
        let sql = "select level || ' ' || message from ops.run_logs where run_id = $1 order by attempt, seq";
        let rows = self.eye.query(sql, &[&id.0]).await.expect("lines");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Keys of a run's artifacts.
    pub(super) async fn artifact_keys(&self, id: RunId) -> Vec<String> {
        let sql = "select artifact_key from ops.run_artifacts where run_id = $1 order by 1";
        let rows = self.eye.query(sql, &[&id.0]).await.expect("artifacts");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Where an artifact lies on this machine.
    pub(super) async fn artifact_path(&self, id: RunId, key: &str) -> PathBuf {
        let sql = "select s3_url from ops.run_artifacts where run_id = $1 and artifact_key = $2";
        let url: String = self.eye.query_one(sql, &[&id.0, &key]).await.expect("the artifact").get(0);
        let path = PathBuf::from(url.strip_prefix("file://").expect("a file:// URL"));
        assert!(path.starts_with(self.store_dir.path()), "{}", path.display());
        path
    }

    /// The instance that marks what this bench makes.
    pub(super) async fn instance(&self) -> uuid::Uuid {
        self.operator.contract_info().await.expect("the contract").instance_id
    }

    /// Nothing may be left of the runs so far: no container, network, volume, database.
    pub(super) async fn assert_nothing_left(&self) {
        let instance = self.instance().await;
        self.until("everything is removed", async || {
            let owned = self.engine.list_owned(instance).await.expect("the engine");
            let databases = odooops::action::odoo_db::list_test_databases(&self.odoo_url, instance).await;
            (owned.is_empty() && databases.expect("the Odoo server").is_empty()).then_some(())
        })
        .await;
    }

    /// Drains the worker; a test that does not come here aborts it.
    pub(super) async fn close(mut self) {
        self.shutdown.drain.cancel();
        (&mut self.worker).await.expect("no panic").expect("a worker that drained");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

fn worker_settings(odoo: OdooSettings) -> WorkerSettings {
    let git = GitSettings { protocols: vec![Protocol::File], ..GitSettings::default() };
    WorkerSettings {
        worker_id: "worker-odoo".to_owned(),
        labels: Vec::new(),
        slots: 2,
        host: "test".to_owned(),
        lease_secs: LEASE_SECS,
        heartbeat_every: Duration::from_secs(10),
        drain_timeout: Duration::from_secs(20),
        cancel_grace: Duration::from_secs(2),
        run_timeout: RUN_LIMIT,
        polling: Polling { listening: Duration::from_secs(30), deaf: Duration::from_millis(100) },
        sweeping: Sweeping { leftovers: Duration::from_millis(500), lost_runs: Duration::from_millis(500) },
        log_limit_bytes: LOG_LIMIT_BYTES,
        allowed_networks: BTreeSet::new(),
        secrets: BTreeMap::new(),
        redact_also: Vec::new(),
        registry_auth: BTreeMap::new(),
        odoo,
        git: Git::new(git),
    }
}

/// The input of a run that is about these modules.
pub(super) fn modules(names: &[&str]) -> Value {
    json!({"modules": names})
}
