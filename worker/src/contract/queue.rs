//! The client's side of the queue: put in, look at, take out, try again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::{get, json, word};
use super::runs::run_state;
use super::{Contract, ContractError, RunId, RunState, RunStatus};

/// A run that is to be queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Slug of the project.
    pub project: String,
    /// Name or kind of the workflow (`odoo-build`, `build`).
    pub workflow: String,
    /// Branch or tag.
    pub git_ref: Option<String>,
    /// Commit.
    pub commit_sha: Option<String>,
    /// A JSON object.
    pub input: Value,
    /// Everything else.
    pub options: EnqueueOptions,
}

/// The options of `enqueue_run`; what is `None` is left to the database.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnqueueOptions {
    /// Lower first; 100 where unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Labels that the worker must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_labels: Option<Vec<String>>,
    /// Runs of a project with the same key are executed one after another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The same key again returns the first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Not before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Time limit of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<i32>,
    /// How many failed attempts are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<i32>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// `manual`, `push`, `pull_request`, `schedule`, `api`, `run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The run that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
    /// Runs that must succeed first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<RunId>>,
}

/// A queued run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enqueued {
    /// The run.
    pub id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// Its state (not `queued` when the idempotency key was known).
    pub status: RunStatus,
}

/// A run that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedRun {
    /// Its place in the queue, from 1.
    pub position: i64,
    /// The run.
    pub run_id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// Slug of the project.
    pub project_slug: String,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Branch or tag.
    pub git_ref: Option<String>,
    /// Lower first.
    pub priority: i32,
    /// The latest attempt (0 = never claimed).
    pub attempt: i32,
    /// How long it has waited.
    pub age_secs: i64,
    /// Why it waits, one word; `None` when the next free worker takes it.
    pub cause: Option<String>,
    /// Why it waits, a sentence.
    pub detail: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// One reason why a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitCause {
    /// A word (`paused`, `key_held`…).
    pub cause: String,
    /// A sentence.
    pub detail: String,
}

impl Contract {
    /// Queues a run, or returns the one that has the idempotency key already.
    ///
    /// # Errors
    /// [`ContractError::NotFound`] for an unknown project or workflow, [`ContractError::BadArgument`],
    /// [`ContractError::Conflict`] when the idempotency key stands for another call.
    pub async fn enqueue_run(&self, run: &NewRun) -> Result<Enqueued, ContractError> {
        let options = super::row::to_json(&run.options)?;
        let row = self
            .row(
                "select id, run_number, status::text as status from ops.enqueue_run($1, $2, $3, $4, $5, $6)",
                &[
                    (&run.project, Type::TEXT),
                    (&run.workflow, Type::TEXT),
                    (&run.git_ref, Type::TEXT),
                    (&run.commit_sha, Type::TEXT),
                    (&run.input, Type::JSONB),
                    (&options, Type::JSONB),
                ],
            )
            .await?;
        Ok(Enqueued {
            id: RunId(get(&row, "id")?),
            run_number: get(&row, "run_number")?,
            status: word(&row, "status")?,
        })
    }

    /// Ends a run: at once when it waits, otherwise by asking its worker.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::TransitionNotAllowed`] when it is over.
    pub async fn cancel_run(&self, run_id: RunId, reason: &str) -> Result<RunState, ContractError> {
        let row = self
            .row(
                "select id, run_number, status::text as status, attempt, failure_reason::text as failure_reason, \
                 updated_at from ops.cancel_run($1, $2)",
                &[(&run_id.0, Type::UUID), (&reason, Type::TEXT)],
            )
            .await?;
        run_state(&row)
    }

    /// Queues a run again as a new one, from a step on where one is named.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::TransitionNotAllowed`] when it is not over,
    /// [`ContractError::BadArgument`] when outputs of earlier steps are missing.
    pub async fn retry_run(&self, run_id: RunId, from_step: Option<&str>) -> Result<Enqueued, ContractError> {
        let row = self
            .row(
                "select id, run_number, status::text as status from ops.retry_run($1, $2)",
                &[(&run_id.0, Type::UUID), (&from_step, Type::TEXT)],
            )
            .await?;
        Ok(Enqueued {
            id: RunId(get(&row, "id")?),
            run_number: get(&row, "run_number")?,
            status: word(&row, "status")?,
        })
    }

    /// Runs that wait, in the order in which they will be claimed.
    ///
    /// # Errors
    /// [`ContractError::NotFound`] for an unknown project.
    pub async fn list_queued_runs(
        &self,
        project: Option<&str>,
        limit: i32,
    ) -> Result<Vec<QueuedRun>, ContractError> {
        let rows = self
            .rows(
                "select to_jsonb(q) as queued from ops.list_queued_runs($1, $2) q",
                &[(&project, Type::TEXT), (&limit, Type::INT4)],
            )
            .await?;
        rows.iter().map(|row| json(row, "queued")).collect()
    }

    /// Why a run is not executed yet.
    ///
    /// # Errors
    /// [`ContractError::NotFound`].
    pub async fn explain_wait(&self, run_id: RunId) -> Result<Vec<WaitCause>, ContractError> {
        let rows =
            self.rows("select cause, detail from ops.explain_wait($1)", &[(&run_id.0, Type::UUID)]).await?;
        rows.iter()
            .map(|row| Ok(WaitCause { cause: get(row, "cause")?, detail: get(row, "detail")? }))
            .collect()
    }

    /// Ids of runs in a range (`first` and `last` included), for looking one up by the beginning of its id.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_ids_between(
        &self,
        first: RunId,
        last: RunId,
        limit: i64,
    ) -> Result<Vec<RunId>, ContractError> {
        let rows = self
            .rows(
                "select r.id from ops.runs r where r.id between $1 and $2 order by r.id limit $3",
                &[(&first.0, Type::UUID), (&last.0, Type::UUID), (&limit, Type::INT8)],
            )
            .await?;
        rows.iter().map(|row| get::<Uuid>(row, "id").map(RunId)).collect()
    }

    /// The id of a run by project and number.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_id_by_number(
        &self,
        project: &str,
        run_number: i64,
    ) -> Result<Option<RunId>, ContractError> {
        let rows = self
            .rows(
                "select r.id from ops.runs r join ops.projects p on p.id = r.project_id \
                 where p.slug = $1 and r.run_number = $2",
                &[(&project, Type::TEXT), (&run_number, Type::INT8)],
            )
            .await?;
        rows.first().map(|row| get::<Uuid>(row, "id").map(RunId)).transpose()
    }
}
