//! `odooops worker` as a process: its settings, its signals, its endpoints, its log.

use std::net::TcpListener;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::program::{Ended, Program, ended};
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::signals::wait_until;

pub(super) struct Setup {
    pub(super) database: TestDatabase,
    pub(super) dir: tempfile::TempDir,
}

impl Setup {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("store")).expect("a store");
        Self { database: TestDatabase::new().await, dir }
    }

    /// A worker with worker rights, a store in a directory and no endpoints.
    pub(super) fn worker(&self, flags: &[&str]) -> Program {
        Program::new(&[&["worker", "--id", "w1"], flags].concat())
            .env("ODOOOPS_WORKER_DATABASE_URL", &self.database.login_url(Login::Worker))
            .env("ODOOOPS_STORE_URL", &format!("file://{}/store", self.dir.path().display()))
            .env("ODOOOPS_WORKER_HEALTH_ADDR", "")
    }

    async fn registered(&self) {
        let contract = self.database.contract(Login::Operator);
        wait_until("the worker is registered", || async {
            let workers = contract.worker_overview().await.expect("the overview");
            workers.iter().any(|worker| worker.id == "w1").then_some(())
        })
        .await;
    }
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([name, &pid]).status().await.expect("kill runs");
    assert!(sent.success());
}

async fn ended_by(child: Child, name: &str) -> Ended {
    signal(&child, name).await;
    ended(child).await
}

#[tokio::test]
async fn a_worker_registers_and_ends_with_0_on_a_signal() {
    for name in ["-TERM", "-INT"] {
        let setup = Setup::new().await;
        let worker = setup.worker(&["--labels", "big,gpu", "--slots", "3"]).start();
        setup.registered().await;
        let list = Program::on(&setup.database, &["worker", "list", "--json"]).run().await.json();
        assert_eq!((&list[0]["labels"], &list[0]["slots"]), (&json!(["big", "gpu"]), &json!(3)));
        let ended = ended_by(worker, name).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stderr.contains("registered") && ended.stderr.contains("draining"), "{ended:?}");
        assert!(!ended.stderr.contains("may more than"), "{ended:?}");
    }
}

#[tokio::test]
async fn the_log_can_be_json_and_holds_no_secret() {
    let setup = Setup::new().await;
    let worker = setup
        .worker(&["--log-format", "json", "--log", "trace"])
        .env("ODOOOPS_SECRET_TOKEN", "hunter22")
        .start();
    setup.registered().await;
    let ended = ended_by(worker, "-TERM").await;
    for line in ended.stderr.lines() {
        let event: Value = serde_json::from_str(line).expect("a JSON object per line");
        assert!(event["level"].is_string(), "{event}");
    }
    let secrets = ["hunter22", crate::support::postgres_roles::PASSWORD];
    assert!(secrets.iter().all(|secret| !ended.stderr.contains(secret)), "{ended:?}");
}

#[tokio::test]
async fn health_is_served_where_it_was_asked_for() {
    let setup = Setup::new().await;
    let addr = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let worker = setup.worker(&["--health-addr", &addr.to_string()]).start();
    setup.registered().await;
    let answer = wait_until("/healthz answers", || async move {
        let mut stream = TcpStream::connect(addr).await.ok()?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok().map(|_| answer)
    })
    .await;
    assert!(answer.contains(" 200 OK") && answer.ends_with("ok\n"), "{answer}");
    let ask = async || {
        let mut ask = Program::on(&setup.database, &["worker", "health"]);
        ask = ask.env("ODOOOPS_WORKER_HEALTH_ADDR", &addr.to_string());
        ask.run().await
    };
    let healthy = ask().await;
    assert_eq!((healthy.code, healthy.stdout.trim_end()), (0, "ok"), "{healthy:?}");
    assert_eq!(ended_by(worker, "-TERM").await.code, 0);
    ask().await.refused(3, &["no worker answers", &addr.to_string()]);
}

#[tokio::test]
async fn a_taken_address_is_named_and_ends_with_3() {
    let setup = Setup::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    let ended = setup.worker(&["--health-addr", &addr]).run().await;
    ended.refused(3, &[&addr, "choose another address"]);
}

#[tokio::test]
async fn workers_that_were_told_no_address_share_a_machine() {
    let setup = Setup::new().await;
    // Whoever holds the usual address, another worker or this test: a further one starts all the same.
    let _holder = TcpListener::bind("127.0.0.1:9187");
    let mut worker = setup.worker(&["--health-addr", "127.0.0.1:9187"]).start();
    let mut stderr = worker.stderr.take().expect("stderr is piped");
    let mut said = String::new();
    while !said.contains("no health endpoints") {
        let mut chunk = [0; 1024];
        let read = stderr.read(&mut chunk).await.expect("stderr");
        assert!(read > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    setup.registered().await;
    assert_eq!(ended_by(worker, "-TERM").await.code, 0);
}

#[tokio::test]
async fn an_unreachable_database_is_waited_for_and_a_signal_still_ends_it() {
    let setup = Setup::new().await;
    let away = "postgres://someone:hunter22@127.0.0.1:1/ops";
    let mut worker = setup.worker(&[]).env("ODOOOPS_WORKER_DATABASE_URL", away).start();
    let mut stderr = worker.stderr.take().expect("stderr is piped");
    let mut said = String::new();
    while !said.contains("trying again") {
        let mut chunk = [0; 1024];
        let read = stderr.read(&mut chunk).await.expect("stderr");
        assert!(read > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    assert!(!said.contains("hunter22"), "{said}");
    assert_eq!(ended_by(worker, "-TERM").await.code, 0);
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name_and_without_secrets() {
    let setup = Setup::new().await;
    for (variable, value, said) in [
        ("ODOOOPS_SECRET_PIN", "12345", "shorter than 6"),
        ("ODOOOPS_SECRETS_DIR", "/nonexistent", "/nonexistent"),
        ("ODOOOPS_STORE_URL", "", "file:///"),
        ("ODOOOPS_WORKER_HEALTH_ADDR", "8080", "127.0.0.1:9187"),
        ("ODOOOPS_ODOO_DATABASE_URL", "mysql://odoo:hunter22@db", "postgres://"),
        ("ODOOOPS_ODOO_DATA", "data", "volume:NAME"),
        ("ODOOOPS_CA_BUNDLE", "/nonexistent.pem", "/nonexistent.pem"),
        ("ODOOOPS_REGISTRY_CONFIG", "/nonexistent.json", "/nonexistent.json"),
        ("ODOOOPS_PIP_INDEX_URL", "https://me:hunter22@pip.example", "password"),
        ("ODOOOPS_WORKER_DATABASE_URL", "hunter22", "postgres://"),
    ] {
        let refused = setup.worker(&[]).env(variable, value).run().await.refused(2, &[variable, said]);
        assert!(!refused.contains("hunter22") && !refused.contains("12345"), "{refused}");
    }
    setup.worker(&[]).env("DOCKER_HOST", "ftp://docker").run().await.refused(2, &["ftp://docker"]);
}

#[tokio::test]
async fn a_login_that_is_no_worker_is_refused() {
    let setup = Setup::new().await;
    let url = setup.database.login_url(Login::Nobody);
    let ended = setup.worker(&[]).env("ODOOOPS_WORKER_DATABASE_URL", &url).run().await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("w1 cannot be registered: permission denied"), "{ended:?}");
}

#[tokio::test]
async fn systemd_is_told_that_it_is_ready_that_it_lives_and_that_it_stops() {
    let setup = Setup::new().await;
    let path = setup.dir.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).expect("a socket");
    let worker = setup
        .worker(&["--check-first"])
        .env("NOTIFY_SOCKET", &path.display().to_string())
        .env("WATCHDOG_USEC", "1500000")
        .start();
    let told = async |part: &str| {
        crate::support::signals::within_limit(part, async {
            let mut datagram = vec![0; 4096];
            loop {
                let length = socket.recv(&mut datagram).await.expect("a datagram");
                let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
                if text.contains(part) {
                    return text;
                }
            }
        })
        .await
    };
    let ready = told("READY=1").await;
    assert!(ready.contains("WATCHDOG=1") && ready.contains("STATUS="), "{ready}");
    told("STATUS=takes runs").await;
    signal(&worker, "-TERM").await;
    let stopping = told("STOPPING=1").await;
    assert!(stopping.contains("drains"), "{stopping}");
    assert_eq!(ended(worker).await.code, 0);
}
