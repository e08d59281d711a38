//! Calls to the database that must not get lost: repeated with back-off until they are through, the
//! database says no, or the lease has ended.

use std::time::Duration;

use rand::RngExt as _;

use crate::contract::ContractError;

use super::stop::{StopCause, StopSignal};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why a call never got through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PersistError {
    /// The attempt is not ours any more.
    #[error("the lease was lost")]
    LeaseLost,
    /// The database refuses: asking again would not help.
    #[error("{0}")]
    Refused(ContractError),
    /// The task that was to write has failed.
    #[error("an inner task failed; the worker's own log says how")]
    Broken,
}

/// Repeats `call` while the database is away. A cancel, a timeout or a shutdown does not end it (their
/// outcome must be written too); only a lost lease does.
pub(super) async fn persist<T, Call, Answer>(
    stop: &StopSignal,
    what: &str,
    mut call: Call,
) -> Result<T, PersistError>
where
    Call: FnMut() -> Answer,
    Answer: Future<Output = Result<T, ContractError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let error = tokio::select! {
            biased;
            () = stop.lost() => return Err(PersistError::LeaseLost),
            answer = call() => match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            },
        };
        match error {
            ContractError::ClaimLost(_) => {
                stop.fire(StopCause::LeaseLost);
                return Err(PersistError::LeaseLost);
            }
            error if !error.is_transient() => return Err(PersistError::Refused(error)),
            error => tracing::warn!(%error, what, "the database did not take it; trying again"),
        }
        tokio::select! {
            () = stop.lost() => return Err(PersistError::LeaseLost),
            () = tokio::time::sleep(spread(pause)) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A pause spread by ± 50 %, so that many workers do not knock at once.
pub(super) fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.5))
}
