//! Workers: registered, alive, drained.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::{get, word};
use super::{ClaimToken, Contract, ContractError, RunId, WorkerState};

/// What a worker says of itself when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// What it can do; labels that an operator has set override these.
    pub labels: Vec<String>,
    /// How many runs it takes at a time.
    pub slots: i32,
    /// Version of this binary.
    pub version: String,
    /// Host name.
    pub host: String,
    /// A JSON object with whatever helps an operator (engine version, disk).
    pub info: Value,
}

/// A worker's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worker {
    /// Its id.
    pub id: String,
    /// The labels that count.
    pub labels: Vec<String>,
    /// How many runs it takes at a time.
    pub slots: i32,
    /// Version of its binary.
    pub version: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// What it says of itself.
    pub state: WorkerState,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// An operator wants it to take nothing new.
    pub drain_requested: bool,
    /// When it was last heard of.
    pub last_seen_at: Option<Timestamp>,
}

/// The answer to a worker's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerHeartbeat {
    /// An operator wants it to take nothing new.
    pub drain_requested: bool,
    /// When the next run that waits for its time becomes due; `None` when none does.
    pub next_due_in_ms: Option<i64>,
    /// One entry per run that was asked about.
    pub runs: Vec<RunHeartbeat>,
}

/// What a heartbeat says of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHeartbeat {
    /// The run.
    pub run_id: RunId,
    /// The token is not the run's any more: stop at once and write nothing.
    pub lost: bool,
    /// Somebody wants the run to end.
    pub cancel_requested: bool,
    /// The new end of the lease; `None` when lost.
    pub lease_expires_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, labels, slots, version, host, state, reason, drain_requested, last_seen_at";

impl Contract {
    /// Makes a worker known, or known again.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] when the id belongs to another login role.
    pub async fn register_worker(
        &self,
        worker_id: &str,
        registration: &Registration,
    ) -> Result<Worker, ContractError> {
        let sql = format!("select {COLUMNS} from ops.register_worker($1, $2, $3, $4, $5, $6)");
        let row = self
            .row(
                &sql,
                &[
                    (&worker_id, Type::TEXT),
                    (&registration.labels, Type::TEXT_ARRAY),
                    (&registration.slots, Type::INT4),
                    (&registration.version, Type::TEXT),
                    (&registration.host, Type::TEXT),
                    (&registration.info, Type::JSONB),
                ],
            )
            .await?;
        read(&row)
    }

    /// Says that the worker lives and renews all its leases in one call.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] when the id belongs to another login role.
    pub async fn heartbeat_worker(
        &self,
        worker_id: &str,
        state: WorkerState,
        reason: Option<&str>,
        runs: &[(RunId, ClaimToken)],
        lease_secs: i32,
    ) -> Result<WorkerHeartbeat, ContractError> {
        let ids: Vec<Uuid> = runs.iter().map(|(id, _)| id.0).collect();
        let tokens: Vec<Uuid> = runs.iter().map(|(_, token)| token.0).collect();
        let rows = self
            .rows(
                "select run_id, lost, cancel_requested, lease_expires_at, drain_requested, next_due_in_ms \
                 from ops.heartbeat_worker($1, $2, $3, $4, $5, $6)",
                &[
                    (&worker_id, Type::TEXT),
                    (&state.as_str(), Type::TEXT),
                    (&reason, Type::TEXT),
                    (&ids, Type::UUID_ARRAY),
                    (&tokens, Type::UUID_ARRAY),
                    (&lease_secs, Type::INT4),
                ],
            )
            .await?;
        let mut answer = WorkerHeartbeat {
            drain_requested: false,
            next_due_in_ms: None,
            runs: Vec::with_capacity(rows.len()),
        };
        for row in &rows {
            answer.drain_requested |= get::<bool>(row, "drain_requested")?;
            answer.next_due_in_ms = get(row, "next_due_in_ms")?;
            // A worker without runs gets one row without a run.
            if let Some(run_id) = get::<Option<Uuid>>(row, "run_id")? {
                answer.runs.push(RunHeartbeat {
                    run_id: RunId(run_id),
                    lost: get(row, "lost")?,
                    cancel_requested: get(row, "cancel_requested")?,
                    lease_expires_at: get(row, "lease_expires_at")?,
                });
            }
        }
        Ok(answer)
    }

    /// When the next run that waits for its time becomes due, for a worker that found nothing to claim.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`].
    pub async fn next_due_in_ms(&self) -> Result<Option<i64>, ContractError> {
        get(&self.row("select ops.next_due_in_ms() as due", &[]).await?, "due")
    }

    /// Gives a worker labels that override its own; `None` gives it its own back.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::NotPermitted`].
    pub async fn set_worker_labels(
        &self,
        worker_id: &str,
        labels: Option<&[String]>,
    ) -> Result<(), ContractError> {
        self.rows(
            "select ops.set_worker_labels($1, $2)",
            &[(&worker_id, Type::TEXT), (&labels, Type::TEXT_ARRAY)],
        )
        .await?;
        Ok(())
    }

    /// Asks a worker to finish what it has and to take nothing new.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::NotPermitted`].
    pub async fn drain_worker(&self, worker_id: &str) -> Result<(), ContractError> {
        self.rows("select ops.drain_worker($1)", &[(&worker_id, Type::TEXT)]).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<Worker, ContractError> {
    Ok(Worker {
        id: get(row, "id")?,
        labels: get(row, "labels")?,
        slots: get(row, "slots")?,
        version: get(row, "version")?,
        host: get(row, "host")?,
        state: word(row, "state")?,
        reason: get(row, "reason")?,
        drain_requested: get(row, "drain_requested")?,
        last_seen_at: get(row, "last_seen_at")?,
    })
}
