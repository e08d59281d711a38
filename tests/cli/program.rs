//! Runs the built program with an environment of its own.

use std::process::Stdio;

use odooops::contract::{ClaimedRun, Completion, Contract, FailureReason, LogBatch, LogLevel, LogLine};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::signals::{wait_until, within_limit};

/// One call of the program, with nothing of the test's own environment.
pub(super) struct Program {
    command: Command,
}

/// What a call left behind.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Program {
    /// Without a database.
    pub(super) fn new(arguments: &[&str]) -> Self {
        Self::other(env!("CARGO_BIN_EXE_odooops"), arguments)
    }

    /// Another program with the same bare environment.
    pub(super) fn other(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        // A machine that runs workers has a file of its own.
        command.env("ODOOOPS_CONFIG", "");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { command }
    }

    /// As an operator of `database`.
    pub(super) fn on(database: &TestDatabase, arguments: &[&str]) -> Self {
        Self::new(arguments).env("DATABASE_URL", &database.login_url(Login::Operator))
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn current_dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(super) fn start(mut self) -> Child {
        self.command.spawn().expect("the built program starts")
    }

    /// To its end, with `input` on stdin.
    pub(super) async fn run_with(mut self, input: &str) -> Ended {
        self.command.stdin(Stdio::piped());
        let mut child = self.start();
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(input.as_bytes()).await.expect("the program reads stdin");
        drop(stdin);
        ended(child).await
    }

    /// To its end.
    pub(super) async fn run(self) -> Ended {
        ended(self.start()).await
    }
}

pub(super) async fn ended(child: Child) -> Ended {
    let output = within_limit("the program ends", child.wait_with_output()).await.expect("output");
    Ended {
        code: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

impl Ended {
    #[track_caller]
    pub(super) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    #[track_caller]
    pub(super) fn json(self) -> Value {
        let stdout = self.done();
        assert_eq!(stdout.lines().count(), 1, "one document: {stdout}");
        serde_json::from_str(&stdout).expect("JSON on stdout")
    }

    /// Refused with `code`, nothing on stdout, and all of `said` on stderr.
    #[track_caller]
    pub(super) fn refused(self, code: i32, said: &[&str]) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:#?}");
        for part in said {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
        self.stderr
    }
}

/// A database with the project `shop`.
pub(super) async fn shop() -> TestDatabase {
    let database = TestDatabase::new().await;
    Program::on(&database, &["project", "create", "shop", "--odoo-version", "18.0"]).run().await.done();
    database
}

/// Queues a run of `shop` and gives its id.
pub(super) async fn enqueue(database: &TestDatabase, workflow: &str) -> String {
    let run = Program::on(database, &["run", "enqueue", "shop", workflow, "--json"]).run().await.json();
    run["id"].as_str().expect("an id").to_owned()
}

/// A worker's side of things, without its containers.
pub(super) struct Hands {
    pub(super) contract: Contract,
}

impl Hands {
    pub(super) fn on(database: &TestDatabase) -> Self {
        Self { contract: database.contract(Login::Worker) }
    }

    /// Claims and starts the next run as soon as there is one.
    pub(super) async fn take(&self) -> ClaimedRun {
        let claimed = wait_until("there is a run to claim", || async {
            self.contract.claim_next_run("hand", 60).await.expect("claiming")
        })
        .await;
        self.contract.start_workflow_run(claimed.id, "hand", claimed.claim_token).await.expect("starting");
        claimed
    }

    /// Stores lines of the step `test`; the first line of an attempt has number 1.
    pub(super) async fn log(&self, run: &ClaimedRun, first_seq: i64, messages: &[&str]) {
        let line = |message: &&str| LogLine {
            step: Some("test".to_owned()),
            timestamp: run.created_at,
            level: LogLevel::Info,
            message: (*message).to_owned(),
        };
        let lines: Vec<LogLine> = messages.iter().map(line).collect();
        let batch = LogBatch { first_seq, lines: &lines };
        self.contract.append_run_logs(run.id, run.claim_token, batch).await.expect("appending");
    }

    pub(super) async fn complete(&self, run: &ClaimedRun, completion: Completion) {
        self.contract.complete_workflow_run(run.id, run.claim_token, &completion).await.expect("completing");
    }
}

pub(super) fn success() -> Completion {
    Completion { exit_code: Some(0), ..Completion::default() }
}

pub(super) fn failure(reason: FailureReason, message: &str) -> Completion {
    Completion {
        exit_code: Some(1),
        error_message: Some(message.to_owned()),
        failure_reason: Some(reason),
        result: None,
    }
}
