//! What a contract call can answer besides a result: our SQLSTATEs as an enum, so that callers decide
//! by kind and never by message text (sql/README.md).

use tokio_postgres::error::{DbError, SqlState};

/// Why a contract call did not give a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// OP001: there is no such thing.
    #[error("{0}")]
    NotFound(Refusal),
    /// OP002: the run's state does not allow this.
    #[error("{0}")]
    TransitionNotAllowed(Refusal),
    /// OP003: the claim token is not (or no longer) the run's; nothing more may be written for it.
    #[error("{0}")]
    ClaimLost(Refusal),
    /// OP004: an argument breaks a rule; the message names both.
    #[error("{0}")]
    BadArgument(Refusal),
    /// OP005: it exists already and is different; `detail` says with what it collides.
    #[error("{0}")]
    Conflict(Refusal),
    /// OP006: a limit or quota is reached.
    #[error("{0}")]
    LimitReached(Refusal),
    /// OP007, or a right that the login role does not have.
    #[error("{0}")]
    NotPermitted(Refusal),
    /// The database cannot be reached, went away, or did not answer in time. Worth another try.
    #[error("the control-plane database cannot be reached: {0}")]
    Unreachable(String),
    /// The database answered something that this version does not understand, or failed inside.
    #[error("the control-plane database answered: {0}")]
    Database(Refusal),
}

/// What the database said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The message: what happened, to what.
    pub message: String,
    /// DETAIL: the present state.
    pub detail: Option<String>,
    /// HINT: what to do next.
    pub hint: Option<String>,
    /// The five-character SQLSTATE; empty where the fault is on our side.
    pub sqlstate: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " – {hint}")?;
        }
        Ok(())
    }
}

impl Refusal {
    /// A refusal that did not come from the database but from reading its answer.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Self {
        Self {
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            sqlstate: error.code().code().to_owned(),
        }
    }
}

impl ContractError {
    /// Whether the same call may well succeed later without anyone doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Database(refusal) => passes_by_itself(&refusal.sqlstate),
            Self::NotFound(_)
            | Self::TransitionNotAllowed(_)
            | Self::ClaimLost(_)
            | Self::BadArgument(_)
            | Self::Conflict(_)
            | Self::LimitReached(_)
            | Self::NotPermitted(_) => false,
        }
    }

    /// What the database said, unless it said nothing.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NotFound(refusal)
            | Self::TransitionNotAllowed(refusal)
            | Self::ClaimLost(refusal)
            | Self::BadArgument(refusal)
            | Self::Conflict(refusal)
            | Self::LimitReached(refusal)
            | Self::NotPermitted(refusal)
            | Self::Database(refusal) => Some(refusal),
            Self::Unreachable(_) => None,
        }
    }

    pub(super) fn from_refusal(refusal: Refusal) -> Self {
        match refusal.sqlstate.as_str() {
            "OP001" => Self::NotFound(refusal),
            "OP002" => Self::TransitionNotAllowed(refusal),
            "OP003" => Self::ClaimLost(refusal),
            "OP004" => Self::BadArgument(refusal),
            "OP005" => Self::Conflict(refusal),
            "OP006" => Self::LimitReached(refusal),
            "OP007" | "42501" => Self::NotPermitted(refusal),
            code if means_unreachable(code) => Self::Unreachable(refusal.to_string()),
            _ => Self::Database(refusal),
        }
    }
}

/// Class 08 (connection), 53300 (too many connections), 57P0x (shutting down, starting up).
fn means_unreachable(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || sqlstate == "53300" || sqlstate.starts_with("57P0")
}

/// Refusals that say something of the server's state and nothing of the call: class 53 (out of disk,
/// memory, connections), 57 (canceled by a time limit, shutting down, starting up), 58 (its files or its
/// machine fail), 25006 (a standby that is about to become the primary), and lost races for locks.
fn passes_by_itself(sqlstate: &str) -> bool {
    matches!(sqlstate, "25006" | "40001" | "40P01" | "55P03" | "57014")
        || sqlstate.starts_with("53")
        || sqlstate.starts_with("57P0")
        || sqlstate.starts_with("58")
}

impl From<tokio_postgres::Error> for ContractError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::from_refusal(Refusal::from(db));
        }
        if error.is_closed() || error.code() == Some(&SqlState::CONNECTION_FAILURE) || is_io(&error) {
            return Self::Unreachable(describe(&error));
        }
        Self::Database(Refusal::unreadable(describe(&error)))
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// The error with its causes on one line (tokio-postgres keeps the cause out of its own message).
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sqlstate: &str) -> ContractError {
        ContractError::from_refusal(Refusal { sqlstate: sqlstate.to_owned(), ..Refusal::default() })
    }

    #[test]
    fn each_of_our_sqlstates_has_its_kind() {
        assert!(matches!(refused("OP001"), ContractError::NotFound(_)));
        assert!(matches!(refused("OP002"), ContractError::TransitionNotAllowed(_)));
        assert!(matches!(refused("OP003"), ContractError::ClaimLost(_)));
        assert!(matches!(refused("OP004"), ContractError::BadArgument(_)));
        assert!(matches!(refused("OP005"), ContractError::Conflict(_)));
        assert!(matches!(refused("OP006"), ContractError::LimitReached(_)));
        assert!(matches!(refused("OP007"), ContractError::NotPermitted(_)));
        assert!(matches!(refused("42501"), ContractError::NotPermitted(_)));
    }

    #[test]
    fn a_database_that_shuts_down_is_unreachable_and_not_broken() {
        for sqlstate in ["57P01", "57P02", "57P03", "08006", "53300"] {
            assert!(matches!(refused(sqlstate), ContractError::Unreachable(_)), "{sqlstate}");
            assert!(refused(sqlstate).is_transient(), "{sqlstate}");
        }
        assert!(matches!(refused("XX000"), ContractError::Database(_)));
        assert!(refused("40P01").is_transient());
        assert!(!refused("OP002").is_transient());
    }

    #[test]
    fn what_passes_by_itself_is_worth_another_try_and_nothing_else() {
        let passing = [
            "25006", "40001", "40P01", "53000", "53100", "53200", "53300", "53400", "55P03", "57014",
            "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030", "58P01", "08006",
        ];
        for sqlstate in passing {
            assert!(refused(sqlstate).is_transient(), "{sqlstate}");
        }
        let lasting = [
            "", "XX000", "XX001", "22P02", "22021", "23505", "25001", "40002", "42883", "54000", "57000",
            "0A000", "OP001", "OP003", "OP004", "OP006", "42501",
        ];
        for sqlstate in lasting {
            assert!(!refused(sqlstate).is_transient(), "{sqlstate}");
        }
    }

    #[test]
    fn a_refusal_reads_as_one_line_with_detail_and_hint() {
        let refusal = Refusal {
            message: "run 1 is not running".into(),
            detail: Some("status is queued".into()),
            hint: Some("wait".into()),
            sqlstate: "OP002".into(),
        };
        assert_eq!(refusal.to_string(), "run 1 is not running (status is queued) – wait");
    }
}
