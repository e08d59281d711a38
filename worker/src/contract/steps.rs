//! What each step of an attempt did, so that the next attempt need not do it again.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::types::Type;

use super::{ClaimToken, Contract, ContractError, RunId, StepStatus};

/// A recorded step, as a claim hands it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// The attempt that executed it.
    pub attempt: i32,
    /// The step's name.
    pub step: String,
    /// Its state.
    pub status: StepStatus,
    /// Its exit code, where it had one.
    pub exit_code: Option<i32>,
    /// Outputs and whatever else the step recorded.
    #[serde(default)]
    pub detail: Value,
}

/// What is to be recorded of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// The step's name.
    pub step: String,
    /// Its state.
    pub status: StepStatus,
    /// Its exit code, where it had one.
    pub exit_code: Option<i32>,
    /// Outputs and whatever else the next attempt needs.
    pub detail: Value,
}

impl Contract {
    /// Records a step's state; the same record again changes nothing.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::TransitionNotAllowed`], [`ContractError::NotFound`].
    pub async fn record_step(
        &self,
        run_id: RunId,
        claim_token: ClaimToken,
        record: &StepRecord,
    ) -> Result<(), ContractError> {
        self.rows(
            "select ops.record_step($1, $2, $3, $4, $5, $6)",
            &[
                (&run_id.0, Type::UUID),
                (&claim_token.0, Type::UUID),
                (&record.step, Type::TEXT),
                (&record.status.as_str(), Type::TEXT),
                (&record.exit_code, Type::INT4),
                (&record.detail, Type::JSONB),
            ],
        )
        .await?;
        Ok(())
    }
}
