//! Everything but `migrate` behind PgBouncer in transaction mode: worker, command line and scripts.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::program::{Ended, Program};
use crate::support::pgbouncer::PgBouncer;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::shell::{command, end_of};
use crate::support::signals::wait_until;

/// A run with a container on a loaded machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A database with the project `shop`, one pooler for the operator and one for the worker.
struct Pooled {
    database: TestDatabase,
    operator: PgBouncer,
    worker: PgBouncer,
    folder: tempfile::TempDir,
}

impl Pooled {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let operator = PgBouncer::start(database.name(), Login::Operator.name()).await;
        let worker = PgBouncer::start(database.name(), Login::Worker.name()).await;
        let pooled = Self { database, operator, worker, folder: tempfile::tempdir().expect("a folder") };
        pooled.cli(&["project", "create", "shop"]).run().await.done();
        pooled
    }

    fn cli(&self, arguments: &[&str]) -> Program {
        Program::new(arguments).env("DATABASE_URL", &self.operator.url())
    }

    fn worker(&self, wake_up: &str) -> Child {
        let store = format!("file://{}", self.folder.path().join("store").display());
        let mut program =
            Program::new(&["worker", "--id", "w1", "--wake-up", wake_up, "--log-format", "json"])
                .env("ODOOOPS_WORKER_DATABASE_URL", &self.worker.url())
                .env("ODOOOPS_STORE_URL", &store)
                .env("ODOOOPS_WORKER_HEALTH_ADDR", "");
        if let Ok(engine) = std::env::var("DOCKER_HOST") {
            program = program.env("DOCKER_HOST", &engine);
        }
        program.start()
    }

    /// A workflow of one step that says something and leaves a file.
    async fn define(&self, name: &str, script: &str) {
        let image = std::env::var("ODOOOPS_TEST_BASE_IMAGE")
            .unwrap_or_else(|_| "odooops-test/base:bookworm".to_owned());
        let definition = json!({ "steps": [
            { "name": "say", "image": image, "shell": script, "network": "none", "artifacts": ["out.txt"] },
        ] });
        let file = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&file, definition.to_string()).expect("a file");
        let file = file.to_str().expect("UTF-8");
        self.cli(&["workflow", "put", "shop", name, file]).run().await.done();
    }

    /// Queues a run of `greet` and follows it to its good end.
    async fn greet(&self) -> String {
        let child = self.cli(&["run", "enqueue", "shop", "greet", "--wait"]).start();
        finished(child).await.done()
    }

    async fn script(&self, script: &str, arguments: &[&str]) -> crate::support::shell::Ended {
        let mut script = command(script);
        script.args(arguments).env("DATABASE_URL", self.operator.url());
        end_of(script).await
    }
}

async fn finished(child: Child) -> Ended {
    let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    let output = output.expect("it must not hang").expect("output");
    Ended {
        code: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

async fn drained(worker: Child) -> String {
    let pid = worker.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
    assert!(sent.success());
    let ended = finished(worker).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_worker_and_the_command_line_finish_a_run() {
    let pooled = Pooled::new().await;
    pooled.define("greet", "echo through the pooler; echo found > out.txt").await;
    let worker = pooled.worker("poll");
    let followed = pooled.greet().await;
    assert!(followed.contains("through the pooler"), "{followed}");
    let list = pooled.cli(&["run", "list", "--json"]).run().await.json();
    assert_eq!((&list[0]["status"], list.as_array().map(Vec::len)), (&json!("succeeded"), Some(1)));
    let id = list[0]["id"].as_str().expect("an id");
    let logs = pooled.cli(&["run", "logs", id]).run().await.done();
    assert!(logs.contains("through the pooler"), "{logs}");
    let artifacts = pooled.cli(&["artifact", "list", id]).run().await.done();
    assert!(artifacts.contains("out.txt"), "{artifacts}");
    let said = drained(worker).await;
    assert!(!said.contains("\"ERROR\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listening_worker_notices_the_pooler_says_so_and_polls() {
    let pooled = Pooled::new().await;
    pooled.define("greet", "echo found > out.txt").await;
    let mut worker = pooled.worker("listen");
    let mut stderr = worker.stderr.take().expect("stderr is piped");
    let mut said = String::new();
    let limit = Duration::from_secs(60);
    let waiting = tokio::time::timeout(limit, async {
        while !said.contains("a pooler in transaction mode?") {
            let mut chunk = [0; 1024];
            let read = stderr.read(&mut chunk).await.expect("stderr");
            assert!(read > 0, "it ended: {said}");
            said.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    });
    waiting.await.expect("it says that LISTEN does not work");
    assert!(said.contains("polling instead") && said.contains("switch LISTEN off"), "{said}");
    // Somebody must go on reading, or the worker would wait for its own log.
    let reading = tokio::spawn(async move { stderr.read_to_string(&mut said).await.map(|_| said) });
    pooled.greet().await;
    drained(worker).await;
    reading.await.expect("no panic").expect("the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_create_wait_and_destroy() {
    let pooled = Pooled::new().await;
    pooled.define("greet", "echo found > out.txt").await;
    pooled.define("forever", "while true; do sleep 1; done").await;
    let worker = pooled.worker("poll");
    let create = "scripts/odooops/env_create.sh";
    let created = pooled.script(create, &["shop", "greet", "main", "abc123"]).await;
    let id: Uuid = created.stdout.parse().unwrap_or_else(|_| panic!("{}", created.stderr));
    let ready = pooled.script("scripts/odooops/env_wait_ready.sh", &[&id.to_string(), "50", "1"]).await;
    assert_eq!(ready.code, 0, "{}", ready.stderr);
    let url = ready.stdout.strip_prefix("file://").expect("the artifact's URL");
    assert_eq!(std::fs::read_to_string(Path::new(url)).expect("the artifact"), "found\n");

    let created = pooled.script(create, &["shop", "forever", "main", "abc123"]).await;
    let id = created.stdout;
    let eye = pooled.database.superuser().await;
    wait_until("the run has a container to stop", async || {
        let running = "select exists (select from ops.runs where id::text = $1 and status = 'running')";
        let row = eye.query_one(running, &[&id]).await.expect("the run");
        row.get::<_, bool>(0).then_some(())
    })
    .await;
    let destroyed = pooled.script("scripts/odooops/env_destroy.sh", &[&id]).await;
    assert_eq!((destroyed.code, destroyed.stdout), (0, format!("canceled:{id}")), "{}", destroyed.stderr);
    let ended = pooled.script("scripts/odooops/env_wait_ready.sh", &[&id, "50", "1"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("canceled"), "{}", ended.stderr);
    drained(worker).await;
}

#[tokio::test]
async fn migrate_refuses_the_pooler_and_says_where_to_connect() {
    let database = TestDatabase::empty().await;
    let pooler = PgBouncer::start(database.name(), "postgres").await;
    let ended = Program::new(&["migrate"]).env("DATABASE_URL", &pooler.url()).run().await;
    ended.refused(2, &["direct connection", "transaction mode", "port 5432"]);
}
