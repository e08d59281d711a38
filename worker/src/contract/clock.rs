//! How far apart are this machine's clock and the database's?

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Contract, ContractError, row};

/// Questions of which the quickest answer counts.
const QUESTIONS: usize = 3;

/// The database's clock as seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// How far the database is ahead; negative when it is behind.
    pub ahead: SignedDuration,
    /// The true value is at most this far away: half of the time that the answer took.
    pub uncertainty: Duration,
}

impl ClockSkew {
    /// How far the clocks are apart at least, whatever the answer's way took.
    #[must_use]
    pub fn certain(&self) -> Duration {
        self.ahead.unsigned_abs().saturating_sub(self.uncertainty)
    }
}

impl Contract {
    /// Compares the clocks. The database's decides about leases; this machine's dates log lines, signs
    /// requests to the store and judges certificates.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`].
    pub async fn clock_skew(&self) -> Result<ClockSkew, ContractError> {
        let mut best = self.ask_the_time().await?;
        for _ in 1..QUESTIONS {
            let next = self.ask_the_time().await?;
            if next.uncertainty < best.uncertainty {
                best = next;
            }
        }
        Ok(best)
    }

    async fn ask_the_time(&self) -> Result<ClockSkew, ContractError> {
        let asked = Timestamp::now();
        let answer = self.row("select clock_timestamp() as now", &[]).await?;
        let uncertainty = Timestamp::now().duration_since(asked) / 2;
        let theirs: Timestamp = row::get(&answer, "now")?;
        let ahead = theirs.duration_since(asked) - uncertainty;
        Ok(ClockSkew { ahead, uncertainty: uncertainty.unsigned_abs() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_makes_no_clock_wrong() {
        let skew = |ahead_ms, uncertainty_ms| {
            let ahead = SignedDuration::from_millis(ahead_ms);
            ClockSkew { ahead, uncertainty: Duration::from_millis(uncertainty_ms) }.certain()
        };
        assert_eq!(skew(7000, 10), Duration::from_millis(6990));
        assert_eq!(skew(-7000, 10), Duration::from_millis(6990));
        assert_eq!(skew(7000, 8000), Duration::ZERO);
    }
}
