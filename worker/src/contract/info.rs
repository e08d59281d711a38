//! Do the database and this binary speak the same contract?

use serde::Serialize;
use uuid::Uuid;

use super::{Contract, ContractError, row};

/// The version of the contract that this binary was written for.
pub const CONTRACT_VERSION: i32 = 1;

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractInfo {
    /// Version of the contract in the database.
    pub version: i32,
    /// The oldest worker (crate version, `0.1.0`) that it works with.
    pub min_worker_version: String,
    /// Marks this control plane on everything that a worker creates.
    pub instance_id: Uuid,
}

/// Why a worker must not start on this database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractMismatch {
    /// The schema is older than this binary.
    #[error(
        "the database has contract version {found}, this odooops needs {CONTRACT_VERSION}; run `odooops migrate`"
    )]
    DatabaseTooOld {
        /// Version in the database.
        found: i32,
    },
    /// The schema is newer than this binary.
    #[error(
        "the database has contract version {found}, this odooops knows {CONTRACT_VERSION}; install a newer odooops"
    )]
    DatabaseTooNew {
        /// Version in the database.
        found: i32,
    },
    /// The schema wants a newer worker.
    #[error("the database needs odooops {needed} or newer, this is {ours}; install a newer odooops")]
    WorkerTooOld {
        /// Version asked for.
        needed: String,
        /// Our version.
        ours: String,
    },
}

impl ContractInfo {
    /// Whether this binary may work on that database.
    ///
    /// # Errors
    /// The mismatch, with what to do.
    pub fn check(&self) -> Result<(), ContractMismatch> {
        self.check_against(env!("CARGO_PKG_VERSION"))
    }

    fn check_against(&self, ours: &str) -> Result<(), ContractMismatch> {
        if self.version < CONTRACT_VERSION {
            return Err(ContractMismatch::DatabaseTooOld { found: self.version });
        }
        if self.version > CONTRACT_VERSION {
            return Err(ContractMismatch::DatabaseTooNew { found: self.version });
        }
        if numbers(ours) < numbers(&self.min_worker_version) {
            return Err(ContractMismatch::WorkerTooOld {
                needed: self.min_worker_version.clone(),
                ours: ours.to_owned(),
            });
        }
        Ok(())
    }
}

/// `0.10.2` as comparable numbers; a suffix such as `-rc1` is left out.
fn numbers(version: &str) -> [u64; 3] {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(version.split('.')) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        *number = digits.parse().unwrap_or(0);
    }
    numbers
}

impl Contract {
    /// Version of the contract and id of the control plane.
    ///
    /// # Errors
    /// [`ContractError::Database`] when nothing was migrated yet.
    pub async fn contract_info(&self) -> Result<ContractInfo, ContractError> {
        let row = self
            .row("select version, min_worker_version, instance_id from ops.contract_info()", &[])
            .await
            .map_err(not_migrated)?;
        Ok(ContractInfo {
            version: row::get(&row, "version")?,
            min_worker_version: row::get(&row, "min_worker_version")?,
            instance_id: row::get(&row, "instance_id")?,
        })
    }
}

/// `3F000` (no schema) and `42883` (no function) mean an empty database.
fn not_migrated(error: ContractError) -> ContractError {
    match error {
        ContractError::Database(mut refusal) if matches!(refusal.sqlstate.as_str(), "3F000" | "42883") => {
            refusal.hint = Some("this database has no odooops schema yet; run `odooops migrate`".to_owned());
            ContractError::Database(refusal)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: i32, min_worker_version: &str) -> ContractInfo {
        ContractInfo { version, min_worker_version: min_worker_version.to_owned(), instance_id: Uuid::nil() }
    }

    #[test]
    fn a_worker_starts_only_on_its_own_contract_version() {
        assert_eq!(info(CONTRACT_VERSION, "0.1.0").check_against("0.1.0"), Ok(()));
        assert_eq!(
            info(CONTRACT_VERSION + 1, "0.1.0").check_against("0.1.0"),
            Err(ContractMismatch::DatabaseTooNew { found: CONTRACT_VERSION + 1 })
        );
        assert_eq!(
            info(CONTRACT_VERSION - 1, "0.1.0").check_against("0.1.0"),
            Err(ContractMismatch::DatabaseTooOld { found: CONTRACT_VERSION - 1 })
        );
    }

    #[test]
    fn versions_compare_as_numbers_and_not_as_text() {
        assert_eq!(info(1, "0.9.0").check_against("0.10.0"), Ok(()));
        assert!(matches!(
            info(1, "0.10.0").check_against("0.9.9"),
            Err(ContractMismatch::WorkerTooOld { .. })
        ));
        assert_eq!(info(1, "0.2.0").check_against("0.2.0-rc1"), Ok(()));
    }
}
