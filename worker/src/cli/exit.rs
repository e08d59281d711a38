//! How the program ends: the one table of exit codes.

use crate::contract::{FailureReason, RunStatus};

/// What the caller's shell learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// The run failed by the user's fault, or a check found something.
    RunFailed,
    /// What was asked for cannot be: flags, settings, names, definitions, rights.
    Usage,
    /// The machine failed: database, store or engine away, run lost.
    Infrastructure,
    /// The run was canceled.
    Canceled,
    /// The run passed its time limit, or the wait did.
    TimedOut,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RunFailed => 1,
            Self::Usage => 2,
            Self::Infrastructure => 3,
            Self::Canceled => 4,
            Self::TimedOut => 5,
        }
    }

    /// What a run's end means; `None` while it has not ended.
    #[must_use]
    pub fn of_run(status: RunStatus, reason: Option<FailureReason>) -> Option<Self> {
        match status {
            RunStatus::Queued | RunStatus::Claimed | RunStatus::Running => None,
            RunStatus::Succeeded => Some(Self::Done),
            RunStatus::Canceled => Some(Self::Canceled),
            RunStatus::Failed => Some(match reason {
                None | Some(FailureReason::User | FailureReason::Invalid) => Self::RunFailed,
                Some(FailureReason::Infra | FailureReason::Lost) => Self::Infrastructure,
                Some(FailureReason::Timeout) => Self::TimedOut,
                Some(FailureReason::Canceled) => Self::Canceled,
            }),
        }
    }
}

/// For `--help`.
pub(super) const EXIT_CODES: &str = "Exit codes: 0 done, 1 the run failed or a check found something, 2 wrong usage, \
     3 infrastructure fault (database, store or engine away, run lost), 4 canceled, 5 timed out.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_run_has_its_code() {
        let failed = |reason| Exit::of_run(RunStatus::Failed, reason).map(Exit::code);
        assert_eq!(failed(Some(FailureReason::User)), Some(1));
        assert_eq!(failed(Some(FailureReason::Invalid)), Some(1));
        assert_eq!(failed(Some(FailureReason::Infra)), Some(3));
        assert_eq!(failed(Some(FailureReason::Lost)), Some(3));
        assert_eq!(failed(Some(FailureReason::Timeout)), Some(5));
        assert_eq!(failed(None), Some(1));
        assert_eq!(Exit::of_run(RunStatus::Succeeded, None).map(Exit::code), Some(0));
        let canceled = Exit::of_run(RunStatus::Canceled, Some(FailureReason::Canceled));
        assert_eq!(canceled.map(Exit::code), Some(4));
    }

    #[test]
    fn a_run_that_has_not_ended_has_no_code() {
        for status in RunStatus::ALL.iter().filter(|status| !status.is_final()) {
            assert_eq!(Exit::of_run(*status, None), None, "{status}");
        }
    }
}
