//! Ids and closed sets of words that the contract uses; an unknown word is an error, not a guess.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ContractError;
use super::error::Refusal;

/// The id of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RunId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Proves a claim. Whoever has it may write for the run, so it is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimToken(pub Uuid);

impl std::fmt::Debug for ClaimToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimToken(***)")
    }
}

/// An enum whose values are words in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// The word that the database uses.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ContractError;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$value),)+
                    other => Err(unknown_word(stringify!($name), other)),
                }
            }
        }
    };
}

fn unknown_word(set: &str, word: &str) -> ContractError {
    ContractError::Database(Refusal::unreadable(format!(
        "{set} {word:?} is unknown to this version of odooops; update it"
    )))
}

words! {
    /// The state of a run (docs/architecture.md).
    RunStatus {
        /// Waits for a worker, or for what `explain_wait` says.
        Queued = "queued",
        /// A worker has it and prepares.
        Claimed = "claimed",
        /// Its steps are executed.
        Running = "running",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended badly; the failure reason says whose fault it was.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Canceled = "canceled",
    }
}

impl RunStatus {
    /// Whether nothing can happen to the run any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Canceled => true,
            Self::Queued | Self::Claimed | Self::Running => false,
        }
    }
}

words! {
    /// Why a run failed, and so whether it is tried again (docs/architecture.md).
    FailureReason {
        /// The user's build, test or command failed.
        User = "user",
        /// It ran longer than it may.
        Timeout = "timeout",
        /// The definition or the input cannot be executed.
        Invalid = "invalid",
        /// Somebody canceled it.
        Canceled = "canceled",
        /// The machine failed; tried again elsewhere.
        Infra = "infra",
        /// The lease ran out; tried again.
        Lost = "lost",
    }
}

words! {
    /// What a worker says of itself.
    WorkerState {
        /// Takes runs.
        Available = "available",
        /// All slots are taken.
        Busy = "busy",
        /// Finishes what it has and takes nothing new.
        Draining = "draining",
        /// Cannot work (engine gone, disk full); the reason says why.
        Sick = "sick",
        /// Stopped.
        Offline = "offline",
    }
}

words! {
    /// Level of a log line.
    LogLevel {
        /// Detail.
        Debug = "debug",
        /// Normal.
        Info = "info",
        /// Look at it.
        Warning = "warning",
        /// Failed.
        Error = "error",
    }
}

words! {
    /// The state of one step within an attempt.
    StepStatus {
        /// Being executed.
        Running = "running",
        /// Ended well; its outputs are in the detail.
        Succeeded = "succeeded",
        /// Ended badly.
        Failed = "failed",
        /// Stopped because somebody asked for it.
        Canceled = "canceled",
        /// Its `when` was not met.
        Skipped = "skipped",
    }
}

words! {
    /// What to do with a container, network, volume or database that carries our labels.
    Verdict {
        /// Leave it alone.
        Keep = "keep",
        /// Nobody needs it any more.
        Remove = "remove",
    }
}

words! {
    /// What a member of a project may do.
    MemberRole {
        /// Everything, members too.
        Owner = "owner",
        /// Settings and workflows.
        Admin = "admin",
        /// Runs.
        Developer = "developer",
        /// Looks.
        Viewer = "viewer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_itself() {
        for status in RunStatus::ALL {
            assert_eq!(status.as_str().parse::<RunStatus>().expect("known"), *status);
        }
        for reason in FailureReason::ALL {
            assert_eq!(reason.as_str().parse::<FailureReason>().expect("known"), *reason);
        }
        assert!("success".parse::<RunStatus>().is_err());
    }

    #[test]
    fn a_claim_token_is_never_printed() {
        let token = ClaimToken(Uuid::now_v7());
        assert!(!format!("{token:?}").contains(&token.0.to_string()));
    }
}
