//! A run's life as a worker sees it: claimed, started, kept, completed or given back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::{get, json, optional_word, word};
use super::{ClaimToken, Contract, ContractError, FailureReason, Refusal, RunId, RunStatus, StepState};

/// A run with everything that its execution needs (composite type `ops.claimed_run`).
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// The run.
    pub id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// The project.
    pub project_id: Uuid,
    /// The project's name in URLs, images and messages.
    pub project_slug: String,
    /// The project's repository.
    pub repo_url: Option<String>,
    /// The branch that is meant where none is named.
    pub default_branch: Option<String>,
    /// `18.0`.
    pub odoo_version: Option<String>,
    /// `projects.settings`.
    pub project_settings: Value,
    /// The workflow.
    pub workflow_id: Uuid,
    /// The workflow's name.
    pub workflow_name: String,
    /// `build`, `test`, `backup`, `custom`…
    pub workflow_kind: String,
    /// The version that was current when the run was queued.
    pub workflow_version: i32,
    /// The definition of that version.
    pub definition: Value,
    /// The environment it belongs to.
    pub environment_id: Option<Uuid>,
    /// Branch or tag asked for.
    pub git_ref: Option<String>,
    /// Commit asked for.
    pub commit_sha: Option<String>,
    /// What it was called with.
    pub input: Value,
    /// What caused it (`manual`, `push`…).
    pub trigger: String,
    /// Who caused it.
    pub triggered_by: Option<String>,
    /// Lower first.
    pub priority: i32,
    /// The number of this claim, from 1.
    pub attempt: i32,
    /// How many failed attempts are allowed.
    pub max_attempts: i32,
    /// Time limit of the whole run.
    pub timeout_secs: Option<i32>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// The worker that has it.
    pub claimed_by: String,
    /// When the claim ends unless it is renewed (the database's clock).
    pub lease_expires_at: Timestamp,
    /// Proves the claim.
    pub claim_token: ClaimToken,
    /// Names in `ops.tools` and the images that they mean.
    pub tool_images: BTreeMap<String, String>,
    /// What earlier attempts did.
    pub step_states: Vec<StepState>,
}

/// A run's state after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunState {
    /// The run.
    pub id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// The state it is in now.
    pub status: RunStatus,
    /// The attempt meant.
    pub attempt: i32,
    /// Why it failed, where it did.
    pub failure_reason: Option<FailureReason>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// 0 = succeeded; `None` only with a failure reason.
    pub exit_code: Option<i32>,
    /// One line for people.
    pub error_message: Option<String>,
    /// Why it failed; never with exit code 0.
    pub failure_reason: Option<FailureReason>,
    /// Merged outputs of the steps.
    pub result: Option<Value>,
}

/// The columns of `ops.claimed_run`; never `*`, so that an added column does not matter.
pub(super) const CLAIMED_COLUMNS: &str = "id, run_number, project_id, project_slug, repo_url, default_branch, \
    odoo_version, project_settings, workflow_id, workflow_name, workflow_kind, workflow_version, definition, \
    environment_id, git_ref, commit_sha, input, trigger, triggered_by, priority, attempt, max_attempts, \
    timeout_secs, created_at, claimed_by, lease_expires_at, claim_token, tool_images, step_states";

/// What start, complete and release answer.
const STATE_COLUMNS: &str = "id, run_number, status, attempt, failure_reason, updated_at";

impl Contract {
    /// Takes the next run that this worker may have, or `None`.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] when the worker id belongs to another login role.
    pub async fn claim_next_run(
        &self,
        worker_id: &str,
        lease_secs: i32,
    ) -> Result<Option<ClaimedRun>, ContractError> {
        let sql = format!("select {CLAIMED_COLUMNS} from ops.claim_next_run($1, $2)");
        let rows = self.rows(&sql, &[(&worker_id, Type::TEXT), (&lease_secs, Type::INT4)]).await?;
        rows.first().map(claimed_run).transpose()
    }

    /// Takes up to `limit` runs.
    ///
    /// # Errors
    /// As [`claim_next_run`](Self::claim_next_run).
    pub async fn claim_runs(
        &self,
        worker_id: &str,
        limit: i32,
        lease_secs: i32,
    ) -> Result<Vec<ClaimedRun>, ContractError> {
        let sql = format!("select {CLAIMED_COLUMNS} from ops.claim_runs($1, $2, $3)");
        let params: [super::Param<'_>; 3] =
            [(&worker_id, Type::TEXT), (&limit, Type::INT4), (&lease_secs, Type::INT4)];
        self.rows(&sql, &params).await?.iter().map(claimed_run).collect()
    }

    /// claimed → running.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::TransitionNotAllowed`], [`ContractError::NotFound`].
    pub async fn start_workflow_run(
        &self,
        run_id: RunId,
        worker_id: &str,
        claim_token: ClaimToken,
    ) -> Result<RunState, ContractError> {
        let sql = format!("select {STATE_COLUMNS} from ops.start_workflow_run($1, $2, $3)");
        let row = self
            .row(&sql, &[(&run_id.0, Type::UUID), (&worker_id, Type::TEXT), (&claim_token.0, Type::UUID)])
            .await?;
        run_state(&row)
    }

    /// Ends an attempt. The same call again with the same token gives the recorded outcome.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`] with any token but the attempt's own, [`ContractError::TransitionNotAllowed`]
    /// when it ended differently before, [`ContractError::BadArgument`] when code and reason contradict.
    pub async fn complete_workflow_run(
        &self,
        run_id: RunId,
        claim_token: ClaimToken,
        completion: &Completion,
    ) -> Result<RunState, ContractError> {
        let sql = format!("select {STATE_COLUMNS} from ops.complete_workflow_run($1, $2, $3, $4, $5, $6)");
        let reason = completion.failure_reason.map(FailureReason::as_str);
        let row = self
            .row(
                &sql,
                &[
                    (&run_id.0, Type::UUID),
                    (&completion.exit_code, Type::INT4),
                    (&completion.error_message, Type::TEXT),
                    (&claim_token.0, Type::UUID),
                    (&reason, Type::TEXT),
                    (&completion.result, Type::JSONB),
                ],
            )
            .await?;
        run_state(&row)
    }

    /// Ends many attempts in one call; one answer each, in order, as
    /// [`complete_workflow_run`](Self::complete_workflow_run) would give it.
    ///
    /// # Errors
    /// Only what concerns the call as a whole: [`ContractError::Unreachable`], [`ContractError::BadArgument`].
    pub async fn complete_workflow_runs(
        &self,
        completions: &[(RunId, ClaimToken, Completion)],
    ) -> Result<Vec<Result<RunState, ContractError>>, ContractError> {
        let ids: Vec<Uuid> = completions.iter().map(|(id, _, _)| id.0).collect();
        let tokens: Vec<Uuid> = completions.iter().map(|(_, token, _)| token.0).collect();
        let codes: Vec<Option<i32>> = completions.iter().map(|(_, _, end)| end.exit_code).collect();
        let messages: Vec<Option<&str>> =
            completions.iter().map(|(_, _, end)| end.error_message.as_deref()).collect();
        let reasons: Vec<Option<&str>> =
            completions.iter().map(|(_, _, end)| end.failure_reason.map(FailureReason::as_str)).collect();
        let results: Vec<Option<&Value>> =
            completions.iter().map(|(_, _, end)| end.result.as_ref()).collect();
        let sql = format!(
            "select {STATE_COLUMNS}, refused_with, refusal \
             from ops.complete_workflow_runs($1, $2, $3, $4, $5, $6)"
        );
        let rows = self
            .rows(
                &sql,
                &[
                    (&ids, Type::UUID_ARRAY),
                    (&tokens, Type::UUID_ARRAY),
                    (&codes, Type::INT4_ARRAY),
                    (&messages, Type::TEXT_ARRAY),
                    (&reasons, Type::TEXT_ARRAY),
                    (&results, Type::JSONB_ARRAY),
                ],
            )
            .await?;
        rows.iter().map(completed_run).collect()
    }

    /// Gives a run back to the queue without counting the attempt.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::TransitionNotAllowed`], [`ContractError::NotFound`].
    pub async fn release_run(
        &self,
        run_id: RunId,
        claim_token: ClaimToken,
        reason: &str,
    ) -> Result<RunState, ContractError> {
        let sql = format!("select {STATE_COLUMNS} from ops.release_run($1, $2, $3)");
        let row = self
            .row(&sql, &[(&run_id.0, Type::UUID), (&claim_token.0, Type::UUID), (&reason, Type::TEXT)])
            .await?;
        run_state(&row)
    }
}

pub(super) fn claimed_run(row: &Row) -> Result<ClaimedRun, ContractError> {
    Ok(ClaimedRun {
        id: RunId(get(row, "id")?),
        run_number: get(row, "run_number")?,
        project_id: get(row, "project_id")?,
        project_slug: get(row, "project_slug")?,
        repo_url: get(row, "repo_url")?,
        default_branch: get(row, "default_branch")?,
        odoo_version: get(row, "odoo_version")?,
        project_settings: get(row, "project_settings")?,
        workflow_id: get(row, "workflow_id")?,
        workflow_name: get(row, "workflow_name")?,
        workflow_kind: get(row, "workflow_kind")?,
        workflow_version: get(row, "workflow_version")?,
        definition: get(row, "definition")?,
        environment_id: get(row, "environment_id")?,
        git_ref: get(row, "git_ref")?,
        commit_sha: get(row, "commit_sha")?,
        input: get(row, "input")?,
        trigger: get(row, "trigger")?,
        triggered_by: get(row, "triggered_by")?,
        priority: get(row, "priority")?,
        attempt: get(row, "attempt")?,
        max_attempts: get(row, "max_attempts")?,
        timeout_secs: get(row, "timeout_secs")?,
        created_at: get(row, "created_at")?,
        claimed_by: get(row, "claimed_by")?,
        lease_expires_at: get(row, "lease_expires_at")?,
        claim_token: ClaimToken(get(row, "claim_token")?),
        tool_images: json(row, "tool_images")?,
        step_states: json(row, "step_states")?,
    })
}

/// One answer of a batch: a state, or the SQLSTATE and message with which this one was refused.
fn completed_run(row: &Row) -> Result<Result<RunState, ContractError>, ContractError> {
    let Some(sqlstate) = get::<Option<String>>(row, "refused_with")? else {
        return run_state(row).map(Ok);
    };
    let message = get::<Option<String>>(row, "refusal")?.unwrap_or_default();
    Ok(Err(ContractError::from_refusal(Refusal { message, sqlstate, ..Refusal::default() })))
}

pub(super) fn run_state(row: &Row) -> Result<RunState, ContractError> {
    Ok(RunState {
        id: RunId(get(row, "id")?),
        run_number: get(row, "run_number")?,
        status: word(row, "status")?,
        attempt: get(row, "attempt")?,
        failure_reason: optional_word(row, "failure_reason")?,
        updated_at: get(row, "updated_at")?,
    })
}
