//! The only SQL on `ops.*`: one method per function of the contract, with its name and argument order.
//!
//! A call is one statement with built-in types only, so everything here works behind a transaction
//! pooler; [`migrate`] and [`listen`] need a connection of their own and say so.

mod artifacts;
mod clock;
mod connection;
pub mod diagram;
mod error;
mod info;
mod leases;
pub mod listen;
mod logs;
pub mod migrate;
mod overview;
mod projects;
mod queue;
mod rights;
mod row;
mod runs;
mod settings;
mod steps;
mod tls;
mod values;
mod workers;
mod workflows;

pub use artifacts::{Artifact, NewArtifact};
pub use clock::ClockSkew;
pub use error::{ContractError, Refusal};
pub use info::{CONTRACT_VERSION, ContractInfo, ContractMismatch};
pub use leases::{LeaseRenewal, ReapedRun};
pub use logs::{LogBatch, LogLine, LogPosition, StoredLogLine};
pub use overview::{
    AttemptOverview, ProjectOverview, RunEvent, RunFilter, RunOverview, StepOverview, WorkerOverview,
};
pub use projects::{Member, NewProject, NewTool, Project};
pub use queue::{EnqueueOptions, Enqueued, NewRun, QueuedRun, WaitCause};
pub use runs::{ClaimedRun, Completion, RunState};
pub use settings::{CALL_TIMEOUT, CONNECT_TIMEOUT, DEFAULT_MAX_CONNECTIONS, DatabaseSettings};
pub use steps::{StepRecord, StepState};
pub use values::{
    ClaimToken, FailureReason, LogLevel, MemberRole, RunId, RunStatus, StepStatus, Verdict, WorkerState,
};
pub use workers::{Registration, RunHeartbeat, Worker, WorkerHeartbeat};
pub use workflows::{Workflow, WorkflowSummary};

use connection::{Connections, Param};
use tokio_postgres::Row;

/// The control-plane database, as far as this process may use it.
///
/// Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Contract {
    connections: Connections,
}

impl Contract {
    /// A handle on the database; the first call connects.
    ///
    /// # Errors
    /// [`ContractError::BadArgument`] when the URL cannot be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self, ContractError> {
        Ok(Self { connections: Connections::new(settings)? })
    }

    /// Connects and checks that the database speaks our version of the contract.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`], or what [`ContractInfo::check`] says as [`ContractError::Conflict`].
    pub async fn connect(settings: &DatabaseSettings) -> Result<(Self, ContractInfo), ContractError> {
        let contract = Self::new(settings)?;
        let info = contract.contract_info().await?;
        info.check().map_err(|mismatch| {
            ContractError::Conflict(Refusal { message: mismatch.to_string(), ..Refusal::default() })
        })?;
        Ok((contract, info))
    }

    async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, ContractError> {
        self.connections.rows(sql, params).await
    }

    async fn row(&self, sql: &str, params: &[Param<'_>]) -> Result<Row, ContractError> {
        row::only(self.rows(sql, params).await?)
    }
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contract").finish_non_exhaustive()
    }
}
