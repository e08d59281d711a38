//! The views for people: one line a run, a worker, a project.
//!
//! Rows come as jsonb, so that a column added to a view reaches `--json` without a change here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_postgres::types::Type;

use super::row::json;
use super::{Contract, ContractError, FailureReason, RunId, RunStatus, StepStatus, WorkerState};

/// Which runs to list; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Slug of the project.
    pub project: Option<String>,
    /// Name of the workflow.
    pub workflow: Option<String>,
    /// The state.
    pub status: Option<RunStatus>,
}

/// A line of `ops.run_overview`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunOverview {
    /// The run.
    pub id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// Slug of the project.
    pub project: String,
    /// Name of the workflow.
    pub workflow: String,
    /// Its state.
    pub status: RunStatus,
    /// The latest attempt (0 = never claimed).
    pub attempt: i32,
    /// Why it failed.
    pub failure_reason: Option<FailureReason>,
    /// The last error for people.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A line of `ops.run_events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// The attempt.
    pub attempt: i32,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// More.
    pub detail: Option<Value>,
    /// When.
    pub created_at: Timestamp,
}

/// A line of `ops.run_steps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepOverview {
    /// The attempt.
    pub attempt: i32,
    /// The step's name.
    pub step: String,
    /// Its state.
    pub status: StepStatus,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Outputs and more.
    pub detail: Option<Value>,
}

/// A readable line of `ops.run_attempts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptOverview {
    /// The attempt.
    pub attempt: i32,
    /// The worker that had it.
    pub worker_id: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<FailureReason>,
    /// Bytes of the whole log; `None` until the log is whole.
    pub log_bytes: Option<i64>,
    /// Lines of the whole log.
    pub log_lines: Option<i64>,
    /// sha256 of the whole log, hex.
    pub log_sha256: Option<String>,
}

/// A line of `ops.worker_overview`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerOverview {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: WorkerState,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A line of `ops.project_overview`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectOverview {
    /// Its short name.
    pub slug: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Contract {
    /// The newest runs first.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_overview(
        &self,
        filter: &RunFilter,
        limit: i64,
    ) -> Result<Vec<RunOverview>, ContractError> {
        let status = filter.status.map(RunStatus::as_str);
        let rows = self
            .rows(
                "select to_jsonb(o) as overview from ops.run_overview o \
                 where ($1::text is null or o.project = $1) and ($2::text is null or o.workflow = $2) \
                 and ($3::text is null or o.status::text = $3) order by o.id desc limit $4",
                &[
                    (&filter.project, Type::TEXT),
                    (&filter.workflow, Type::TEXT),
                    (&status, Type::TEXT),
                    (&limit, Type::INT8),
                ],
            )
            .await?;
        rows.iter().map(|row| json(row, "overview")).collect()
    }

    /// One run's line, or `None`.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run(&self, run_id: RunId) -> Result<Option<RunOverview>, ContractError> {
        let rows = self
            .rows(
                "select to_jsonb(o) as overview from ops.run_overview o where o.id = $1",
                &[(&run_id.0, Type::UUID)],
            )
            .await?;
        rows.first().map(|row| json(row, "overview")).transpose()
    }

    /// How a run was asked for and what came out: what is too long for a line of the overview.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_details(&self, run_id: RunId) -> Result<Map<String, Value>, ContractError> {
        let mut lines = self
            .of_run(
                "select jsonb_build_object('input', r.input, 'result', r.result, 'trigger', r.trigger, \
                 'priority', r.priority, 'required_labels', r.required_labels, \
                 'concurrency_key', r.concurrency_key, 'idempotency_key', r.idempotency_key, \
                 'not_before', r.not_before, 'timeout_secs', r.timeout_secs, \
                 'max_attempts', r.max_attempts, 'parent_run_id', r.parent_run_id, \
                 'retry_of', r.retry_of, 'workflow_version', r.workflow_version) as line \
                 from ops.runs r where r.id = $1",
                run_id,
            )
            .await?;
        Ok(lines.pop().unwrap_or_default())
    }

    /// What happened to a run, oldest first.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_events(&self, run_id: RunId) -> Result<Vec<RunEvent>, ContractError> {
        self.of_run(
            "select to_jsonb(e) as line from ops.run_events e where e.run_id = $1 \
             order by e.created_at, e.attempt",
            run_id,
        )
        .await
    }

    /// The steps of all attempts in the order in which they started.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_steps(&self, run_id: RunId) -> Result<Vec<StepOverview>, ContractError> {
        self.of_run(
            "select jsonb_build_object('attempt', s.attempt, 'step', s.step, 'status', s.status, \
             'exit_code', s.exit_code, 'started_at', s.started_at, 'finished_at', s.finished_at, \
             'detail', s.detail) as line from ops.run_steps s where s.run_id = $1 \
             order by s.attempt, s.started_at nulls last, s.step",
            run_id,
        )
        .await
    }

    /// The attempts of a run.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_attempts(&self, run_id: RunId) -> Result<Vec<AttemptOverview>, ContractError> {
        self.of_run(
            "select jsonb_build_object('attempt', a.attempt, 'worker_id', a.worker_id, \
             'started_at', a.started_at, 'finished_at', a.finished_at, 'outcome', a.outcome, \
             'failure_reason', a.failure_reason, 'log_bytes', a.log_bytes, 'log_lines', a.log_lines, \
             'log_sha256', a.log_sha256) as line from ops.run_attempts a where a.run_id = $1 order by a.attempt",
            run_id,
        )
        .await
    }

    /// All workers.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn worker_overview(&self) -> Result<Vec<WorkerOverview>, ContractError> {
        let rows =
            self.rows("select to_jsonb(o) as line from ops.worker_overview o order by o.id", &[]).await?;
        rows.iter().map(|row| json(row, "line")).collect()
    }

    /// All projects.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn project_overview(&self) -> Result<Vec<ProjectOverview>, ContractError> {
        let rows =
            self.rows("select to_jsonb(o) as line from ops.project_overview o order by o.slug", &[]).await?;
        rows.iter().map(|row| json(row, "line")).collect()
    }

    async fn of_run<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        run_id: RunId,
    ) -> Result<Vec<T>, ContractError> {
        let rows = self.rows(sql, &[(&run_id.0, Type::UUID)]).await?;
        rows.iter().map(|row| json(row, "line")).collect()
    }
}
