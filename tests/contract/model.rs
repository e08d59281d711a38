//! Random calls from several connections against a model of the state machine: whatever the order, the
//! database says and does what the model says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::model_calls::{Call, End, any_call};
use super::scene::{Parameters, Scene, run, values};
use crate::support::postgres_roles::Login;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Queued,
    Claimed,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    fn is_active(self) -> bool {
        matches!(self, Self::Claimed | Self::Running)
    }
}

/// Why an end is not one.
enum Refused {
    /// The run is not active any more.
    Ended,
    /// No such arrow from this state.
    ByState,
}

/// A run as the model knows it.
#[derive(Debug, Clone)]
struct Run {
    key: Option<u8>,
    priority: i32,
    status: Status,
    waits_for_time: bool,
    cancel_requested: bool,
    attempt: i32,
    lost: i32,
    infra: i32,
    token: Uuid,
}

/// The state machine of one project; runs by id, which is their age.
#[derive(Debug, Default)]
struct Model {
    runs: BTreeMap<Uuid, Run>,
    paused: bool,
    max_running: i32,
}

const MAX_ATTEMPTS: i32 = 3;
const INFRA_BOUND: i32 = 5;

impl Model {
    fn active(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| run.status.is_active())
    }

    /// Which run a claim gets now.
    fn next(&self) -> Option<Uuid> {
        if self.paused
            || self.max_running > 0
                && self.active().count() >= usize::try_from(self.max_running).expect("small")
        {
            return None;
        }
        self.runs
            .iter()
            .filter(|(_, run)| run.status == Status::Queued && !run.waits_for_time)
            .filter(|(_, run)| run.key.is_none() || self.active().all(|other| other.key != run.key))
            .min_by_key(|(id, run)| (run.priority, **id))
            .map(|(id, _)| *id)
    }

    fn chosen(&self, number: usize) -> Option<Uuid> {
        let count = self.runs.len();
        (count > 0).then(|| *self.runs.keys().nth(number % count).expect("within"))
    }

    /// What becomes of a run that its worker ends.
    fn complete(&mut self, id: Uuid, end: End) -> Result<Status, Refused> {
        let run = self.runs.get_mut(&id).expect("a run");
        if !run.status.is_active() {
            return Err(Refused::Ended);
        }
        let started = run.status == Status::Running;
        let status = match end {
            End::Success | End::User | End::Timeout if !started => return Err(Refused::ByState),
            End::Success => Status::Succeeded,
            End::User | End::Timeout | End::Invalid => Status::Failed,
            End::Canceled if run.cancel_requested => Status::Canceled,
            End::Canceled => return Err(Refused::ByState),
            End::Infra => {
                run.infra += 1;
                if run.cancel_requested {
                    Status::Canceled
                } else if run.infra < INFRA_BOUND {
                    Status::Queued
                } else {
                    Status::Failed
                }
            }
        };
        run.waits_for_time = status == Status::Queued;
        run.status = status;
        Ok(status)
    }

    fn lose(&mut self, id: Uuid) {
        let run = self.runs.get_mut(&id).expect("a run");
        if !run.status.is_active() {
            return;
        }
        run.lost += 1;
        run.status = if run.cancel_requested {
            Status::Canceled
        } else if run.lost < MAX_ATTEMPTS {
            Status::Queued
        } else {
            Status::Failed
        };
        run.waits_for_time = run.status == Status::Queued;
    }
}

/// What a call returned, or its SQLSTATE; the two cannot be mistaken for each other.
async fn said(client: &Client, sql: &str, parameters: Parameters<'_>) -> String {
    match client.query_one(sql, parameters).await {
        Ok(row) => row.get(0),
        Err(error) => error.code().unwrap_or_else(|| panic!("{sql}: {error:?}")).code().to_owned(),
    }
}

/// The database beside the model, with the connections that the calls go through in turn.
struct Stage {
    scene: Scene,
    superuser: Client,
    workers: Vec<Client>,
    calls: usize,
    model: Model,
}

impl Stage {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let superuser = scene.database.superuser().await;
        let mut workers = Vec::new();
        for _ in 0..3 {
            workers.push(scene.database.login(Login::Worker).await);
        }
        Self { scene, superuser, workers, calls: 0, model: Model::default() }
    }

    /// What a worker's call returned, or its SQLSTATE.
    async fn answer(&mut self, sql: &str, parameters: Parameters<'_>) -> String {
        self.calls += 1;
        said(&self.workers[self.calls % self.workers.len()], sql, parameters).await
    }

    async fn make(&mut self, call: &Call) {
        match call {
            Call::Enqueue { key, priority } => {
                let key_name = key.map(|key| format!("key-{key}"));
                let id =
                    self.scene.enqueue(json!({ "concurrency_key": key_name, "priority": priority })).await;
                let run = Run {
                    key: *key,
                    priority: *priority,
                    status: Status::Queued,
                    waits_for_time: false,
                    cancel_requested: false,
                    attempt: 0,
                    lost: 0,
                    infra: 0,
                    token: Uuid::nil(),
                };
                self.model.runs.insert(id, run);
            }
            Call::Claim => {
                self.calls += 1;
                let client = &self.workers[self.calls % self.workers.len()];
                let claim = super::scene::claim(client, "w1").await;
                let (claimed, expected) = (claim.map(|claim| claim.id), self.model.next());
                if claimed != expected {
                    panic!("claimed {claimed:?} instead of {expected:?}: {}", self.describe().await);
                }
                if let Some(claim) = claim {
                    let run = self.model.runs.get_mut(&claim.id).expect("a run");
                    run.attempt += 1;
                    run.status = Status::Claimed;
                    run.token = claim.token;
                    assert_eq!(run.attempt, claim.attempt);
                }
            }
            Call::Start(number) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let run = self.model.runs[&id].clone();
                let sql = "select status from ops.start_workflow_run($1, 'w1', $2)";
                let answer = self.answer(sql, &[&id, &run.token]).await;
                if run.status.is_active() {
                    assert_eq!(answer, "running");
                    self.model.runs.get_mut(&id).expect("a run").status = Status::Running;
                } else {
                    assert!(["OP002", "OP003"].contains(&answer.as_str()), "{answer} of {run:?}");
                }
            }
            Call::Heartbeat(number) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let run = self.model.runs[&id].clone();
                let sql = "select cancel_requested::text from ops.heartbeat_run($1, 'w1', $2)";
                let answer = self.answer(sql, &[&id, &run.token]).await;
                if run.status.is_active() {
                    assert_eq!(answer, run.cancel_requested.to_string());
                } else {
                    assert!(["OP002", "OP003"].contains(&answer.as_str()), "{answer} of {run:?}");
                }
            }
            Call::Complete(number, end) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let token = self.model.runs[&id].token;
                let (exit_code, reason) = end.arguments();
                let sql = "select status from ops.complete_workflow_run($1, $2, null, $3, $4)";
                let answer = self.answer(sql, &[&id, &exit_code, &token, &reason]).await;
                match self.model.complete(id, *end) {
                    Ok(status) => assert_eq!(answer, status.name()),
                    Err(Refused::ByState) => assert_eq!(answer, "OP002"),
                    // The same end again gets the recorded answer, which `compare` holds against the model.
                    Err(Refused::Ended) => {}
                }
            }
            Call::Release(number) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let run = self.model.runs[&id].clone();
                let sql = "select status from ops.release_run($1, $2, 'r')";
                let answer = self.answer(sql, &[&id, &run.token]).await;
                if run.status.is_active() {
                    let status = if run.cancel_requested { Status::Canceled } else { Status::Queued };
                    assert_eq!(answer, status.name());
                    self.model.runs.get_mut(&id).expect("a run").status = status;
                }
            }
            Call::Cancel(number) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let sql = "select status from ops.cancel_run($1, 'c')";
                let answer = said(&self.scene.operator, sql, &[&id]).await;
                let run = self.model.runs.get_mut(&id).expect("a run");
                match run.status {
                    Status::Queued => run.status = Status::Canceled,
                    Status::Claimed | Status::Running => run.cancel_requested = true,
                    Status::Succeeded | Status::Failed => {
                        assert_eq!(answer, "OP002");
                        return;
                    }
                    Status::Canceled => {}
                }
                assert_eq!(answer, run.status.name());
            }
            Call::LoseLease(number) => {
                let Some(id) = self.model.chosen(*number) else { return };
                let expire =
                    "update ops.runs set lease_expires_at = now() - interval '1 s' where id = $1 and active";
                run(&self.superuser, expire, &[&id]).await;
                run(&self.workers[0], "select ops.reap_lost_runs()", &[]).await;
                self.model.lose(id);
            }
            Call::BecomeDue => {
                self.scene.make_due().await;
                for run in self.model.runs.values_mut() {
                    run.waits_for_time = false;
                }
            }
            Call::Pause => {
                run(&self.scene.operator, "select ops.pause_project('acme')", &[]).await;
                self.model.paused = true;
            }
            Call::Resume => {
                run(&self.scene.operator, "select ops.resume_project('acme')", &[]).await;
                self.model.paused = false;
            }
            Call::Limit(limit) => {
                let sql = "select ops.put_project('acme', p_max_running => $1)";
                run(&self.scene.operator, sql, &[limit]).await;
                self.model.max_running = *limit;
            }
        }
        self.compare().await;
    }

    /// What the queue looks like to the database and to the model.
    async fn describe(&self) -> String {
        let sql = "select concat_ws(' ', id, status, ready, blocked_by, limited, concurrency_key, priority, \
             not_before, now()) from ops.runs union all select concat_ws(' ', concurrency_key, max_running, running) \
             from ops.concurrency_keys union all select concat_ws(' ', slug, max_running, paused_reason) from ops.projects";
        let found: Vec<String> = values(&self.scene.operator, sql, &[]).await;
        format!("{found:#?} {:#?}", self.model)
    }

    /// Every run's status, attempt and counters are the model's.
    async fn compare(&self) {
        let sql = "select concat_ws(' ', id, status, attempt, failed_attempts, infra_attempts) \
             from ops.runs order by id";
        let found: Vec<String> = values(&self.scene.operator, sql, &[]).await;
        let expected: Vec<String> = self
            .model
            .runs
            .iter()
            .map(|(id, run)| format!("{id} {} {} {} {}", run.status.name(), run.attempt, run.lost, run.infra))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn the_database_follows_the_model_through_any_calls() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config {
        cases: 12,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&prop::collection::vec(any_call(), 60..120), |calls| {
        runtime.block_on(async {
            let mut stage = Stage::new().await;
            for call in &calls {
                stage.make(call).await;
            }
        });
        Ok(())
    });
    outcome.expect("the database and the model agree");
}
