//! Leases: kept alive by heartbeats, taken back after a restart, taken away when they expire.

use jiff::Timestamp;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::{get, only, word};
use super::runs::{CLAIMED_COLUMNS, claimed_run};
use super::{ClaimToken, ClaimedRun, Contract, ContractError, RunId, RunStatus, Verdict};

/// The answer to a heartbeat for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRenewal {
    /// Somebody wants the run to end.
    pub cancel_requested: bool,
    /// The new end of the lease (the database's clock).
    pub lease_expires_at: Timestamp,
}

/// A run whose lease had expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReapedRun {
    /// The run.
    pub id: RunId,
    /// Its number within the project.
    pub run_number: i64,
    /// The attempt that was lost.
    pub attempt: i32,
    /// The worker that lost it.
    pub worker_id: Option<String>,
    /// The state it is in now: queued, failed or canceled.
    pub status: RunStatus,
}

impl Contract {
    /// Renews one lease and says what the run is doing.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`] when somebody else has the run, [`ContractError::NotFound`].
    pub async fn heartbeat_run(
        &self,
        run_id: RunId,
        worker_id: &str,
        claim_token: ClaimToken,
        lease_secs: i32,
        phase: Option<&str>,
    ) -> Result<LeaseRenewal, ContractError> {
        let row = self
            .row(
                "select cancel_requested, lease_expires_at from ops.heartbeat_run($1, $2, $3, $4, $5)",
                &[
                    (&run_id.0, Type::UUID),
                    (&worker_id, Type::TEXT),
                    (&claim_token.0, Type::UUID),
                    (&lease_secs, Type::INT4),
                    (&phase, Type::TEXT),
                ],
            )
            .await?;
        Ok(LeaseRenewal {
            cancel_requested: get(&row, "cancel_requested")?,
            lease_expires_at: get(&row, "lease_expires_at")?,
        })
    }

    /// Takes back what this worker had leased before it restarted.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] when the worker id belongs to another login role.
    pub async fn resume_worker_runs(
        &self,
        worker_id: &str,
        instance: Uuid,
    ) -> Result<Vec<ClaimedRun>, ContractError> {
        let sql = format!("select {CLAIMED_COLUMNS} from ops.resume_worker_runs($1, $2)");
        let rows = self.rows(&sql, &[(&worker_id, Type::TEXT), (&instance, Type::UUID)]).await?;
        rows.iter().map(claimed_run).collect()
    }

    /// Takes runs away from workers that stopped renewing their leases.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`].
    pub async fn reap_lost_runs(&self, limit: i32) -> Result<Vec<ReapedRun>, ContractError> {
        let rows = self
            .rows(
                "select id, run_number, attempt, worker_id, status from ops.reap_lost_runs($1)",
                &[(&limit, Type::INT4)],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ReapedRun {
                    id: RunId(get(row, "id")?),
                    run_number: get(row, "run_number")?,
                    attempt: get(row, "attempt")?,
                    worker_id: get(row, "worker_id")?,
                    status: word(row, "status")?,
                })
            })
            .collect()
    }

    /// Whether something that carries these labels is still needed.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`]; then nothing may be removed.
    pub async fn container_verdict(
        &self,
        instance: Uuid,
        run_id: RunId,
        attempt: i32,
    ) -> Result<Verdict, ContractError> {
        let rows = self
            .rows(
                "select ops.container_verdict($1, $2, $3) as verdict",
                &[(&instance, Type::UUID), (&run_id.0, Type::UUID), (&attempt, Type::INT4)],
            )
            .await?;
        word(&only(rows)?, "verdict")
    }
}
