//! A project with a queue, and a worker, for tests of the contract's Rust client.

use odooops::contract::{ClaimedRun, Contract, EnqueueOptions, NewProject, NewRun, Registration, RunId};
use serde_json::{Value, json};

use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

/// The project.
pub(crate) const PROJECT: &str = "shop";
/// The worker.
pub(crate) const WORKER: &str = "worker-1";
/// Lease of every claim.
pub(crate) const LEASE_SECS: i32 = 30;

/// A database with the project `shop` and its workflow `work`.
pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) operator: Contract,
    pub(crate) worker: Contract,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let operator = database.contract(Login::Operator);
        let worker = database.contract(Login::Worker);
        let project = NewProject {
            slug: PROJECT.to_owned(),
            repo_url: Some("https://git.example/shop.git".to_owned()),
            odoo_version: Some("18.0".to_owned()),
            settings: Some(json!({"modules": ["sale"]})),
            ..NewProject::default()
        };
        operator.put_project(&project).await.expect("a project");
        operator.put_workflow(PROJECT, "work", &definition(), None).await.expect("a workflow");
        Self { database, operator, worker }
    }

    /// Queues a run of `work`.
    pub(crate) async fn queue(&self) -> RunId {
        self.queue_with(json!({}), EnqueueOptions::default()).await
    }

    pub(crate) async fn queue_with(&self, input: Value, options: EnqueueOptions) -> RunId {
        self.operator.enqueue_run(&new_run(input, options)).await.expect("a queued run").id
    }

    /// Queues a run and claims it.
    pub(crate) async fn claim(&self) -> ClaimedRun {
        self.queue().await;
        self.worker.claim_next_run(WORKER, LEASE_SECS).await.expect("claim").expect("a run")
    }

    /// Queues a run, claims and starts it.
    pub(crate) async fn start(&self) -> ClaimedRun {
        let run = self.claim().await;
        self.worker.start_workflow_run(run.id, WORKER, run.claim_token).await.expect("start");
        run
    }

    /// Ends a lease before its time.
    pub(crate) async fn expire(&self, run: RunId) {
        self.database
            .superuser()
            .await
            .execute(
                "update ops.runs set lease_expires_at = now() - interval '1 second' where id = $1",
                &[&run.0],
            )
            .await
            .expect("expire the lease");
    }
}

/// One step that does nothing.
pub(crate) fn definition() -> Value {
    json!({"steps": [{"name": "build", "image": "debian:12", "command": ["true"]}]})
}

pub(crate) fn new_run(input: Value, options: EnqueueOptions) -> NewRun {
    NewRun {
        project: PROJECT.to_owned(),
        workflow: "work".to_owned(),
        git_ref: Some("main".to_owned()),
        commit_sha: None,
        input,
        options,
    }
}

/// What a worker says when it starts.
pub(crate) fn registration(labels: &[&str]) -> Registration {
    Registration {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        slots: 2,
        version: "0.1.0".to_owned(),
        host: "host-1".to_owned(),
        info: json!({"engine": "test"}),
    }
}
