//! Log lines: appended in batches by the worker, read in order by everybody else.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::types::Type;

use super::row::{get, word};
use super::{ClaimToken, Contract, ContractError, LogLevel, Param, RunId};

/// A line to be stored; already redacted, without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The step that it belongs to.
    pub step: Option<String>,
    /// When the worker read it.
    pub timestamp: Timestamp,
    /// Its level.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}

/// Lines that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct LogBatch<'a> {
    /// Number of the first line; the database expects its `next_seq`.
    pub first_seq: i64,
    /// The lines.
    pub lines: &'a [LogLine],
}

/// The place of a line in a run's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LogPosition {
    /// The attempt that wrote it.
    pub attempt: i32,
    /// Its number within the attempt.
    pub seq: i64,
}

/// A line out of `ops.run_logs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredLogLine {
    /// Where it stands.
    #[serde(flatten)]
    pub position: LogPosition,
    /// The step that it belongs to.
    pub step: Option<String>,
    /// When the worker read it.
    pub timestamp: Timestamp,
    /// Its level.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// What the writer added.
    pub metadata: Option<Value>,
}

impl ContractError {
    /// For a batch that was refused because it does not begin where the log ends: where it ends.
    #[must_use]
    pub fn expected_next_seq(&self) -> Option<i64> {
        let Self::Conflict(refusal) = self else { return None };
        let (_, after) = refusal.detail.as_deref()?.split_once("next_seq")?;
        let digits: String =
            after.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

/// The lines of `ops.run_logs` after a position. Asks the chunks themselves: the view would unpack a run's whole
/// log for each page. Chunks before the position and beyond the page are skipped by their counts; a chunk has at
/// most 10,000 lines, and that many of the first may lie before the position.
const READ_LINES: &str = "\
    select c.attempt, c.first_seq + l.position - 1 as seq, \
      case when cardinality(c.steps) = 1 then c.steps[1] else c.steps[l.position] end as step, \
      l.at as timestamp, \
      (array['debug', 'info', 'warning', 'error'])[ \
        case when cardinality(c.levels) = 1 then c.levels[1] else c.levels[l.position] end] as level, \
      l.message, coalesce(c.metadata, '{}') as metadata \
    from ( \
      select k.*, sum(k.line_count) over (order by k.attempt, k.first_seq) - k.line_count as lines_before \
      from ops.run_log_chunks k \
      where k.run_id = $1 and (k.attempt > $2 or k.attempt = $2 and k.first_seq + k.line_count - 1 > $3) \
    ) c \
    cross join lateral unnest(c.messages, c.timestamps) with ordinality l (message, at, position) \
    where c.lines_before < $4 + 10000 and (c.attempt, c.first_seq + l.position - 1) > ($2, $3) \
    order by c.attempt, c.first_seq, l.position limit $4";

impl Contract {
    /// Stores one line of an operator's or script's own and returns its number.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::NotPermitted`] without a token for non-operators.
    pub async fn append_run_log(
        &self,
        run_id: RunId,
        level: LogLevel,
        message: &str,
        metadata: &Value,
        claim_token: Option<ClaimToken>,
    ) -> Result<i64, ContractError> {
        let token = claim_token.map(|token| token.0);
        let row = self
            .row(
                "select ops.append_run_log($1, $2, $3, $4, $5) as seq",
                &[
                    (&run_id.0, Type::UUID),
                    (&level.as_str(), Type::TEXT),
                    (&message, Type::TEXT),
                    (metadata, Type::JSONB),
                    (&token, Type::UUID),
                ],
            )
            .await?;
        get(&row, "seq")
    }

    /// Stores a batch and returns the number of the line that is expected next. A repeated batch is no error.
    ///
    /// # Errors
    /// [`ContractError::Conflict`] with [`expected_next_seq`](ContractError::expected_next_seq) when the batch
    /// does not begin where the log ends, [`ContractError::ClaimLost`].
    pub async fn append_run_logs(
        &self,
        run_id: RunId,
        claim_token: ClaimToken,
        batch: LogBatch<'_>,
    ) -> Result<i64, ContractError> {
        let steps: Vec<Option<&str>> = batch.lines.iter().map(|line| line.step.as_deref()).collect();
        let timestamps: Vec<Timestamp> = batch.lines.iter().map(|line| line.timestamp).collect();
        let levels: Vec<&str> = batch.lines.iter().map(|line| line.level.as_str()).collect();
        let messages: Vec<&str> = batch.lines.iter().map(|line| line.message.as_str()).collect();
        let row = self
            .row(
                "select ops.append_run_logs($1, $2, $3, $4, $5, $6, $7) as next_seq",
                &[
                    (&run_id.0, Type::UUID),
                    (&claim_token.0, Type::UUID),
                    (&batch.first_seq, Type::INT8),
                    (&steps, Type::TEXT_ARRAY),
                    (&timestamps, Type::TIMESTAMPTZ_ARRAY),
                    (&levels, Type::TEXT_ARRAY),
                    (&messages, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        get(&row, "next_seq")
    }

    /// The final record of an attempt's log: bytes, lines and sha256 (hex) over each message and a newline.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::TransitionNotAllowed`] when the record exists and is different.
    pub async fn finish_run_log(
        &self,
        run_id: RunId,
        claim_token: ClaimToken,
        bytes: i64,
        lines: i64,
        sha256: &str,
    ) -> Result<(), ContractError> {
        self.rows(
            "select ops.finish_run_log($1, $2, $3, $4, $5)",
            &[
                (&run_id.0, Type::UUID),
                (&claim_token.0, Type::UUID),
                (&bytes, Type::INT8),
                (&lines, Type::INT8),
                (&sha256, Type::TEXT),
            ],
        )
        .await?;
        Ok(())
    }

    /// Up to `limit` lines of a run after a position (`None` = from the beginning), in order.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_logs(
        &self,
        run_id: RunId,
        after: Option<LogPosition>,
        limit: i64,
    ) -> Result<Vec<StoredLogLine>, ContractError> {
        let after = after.unwrap_or(LogPosition { attempt: 0, seq: i64::MAX });
        let params: [Param<'_>; 4] = [
            (&run_id.0, Type::UUID),
            (&after.attempt, Type::INT4),
            (&after.seq, Type::INT8),
            (&limit, Type::INT8),
        ];
        let rows = self.rows(READ_LINES, &params).await?;
        rows.iter()
            .map(|row| {
                Ok(StoredLogLine {
                    position: LogPosition { attempt: get(row, "attempt")?, seq: get(row, "seq")? },
                    step: get(row, "step")?,
                    timestamp: get(row, "timestamp")?,
                    level: word(row, "level")?,
                    message: get(row, "message")?,
                    metadata: get(row, "metadata")?,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Refusal;

    #[test]
    fn the_expected_sequence_number_is_read_from_the_detail_of_a_conflict() {
        let conflict = |detail: &str| {
            ContractError::Conflict(Refusal { detail: Some(detail.to_owned()), ..Refusal::default() })
        };
        assert_eq!(conflict("next_seq = 42").expected_next_seq(), Some(42));
        assert_eq!(conflict("next_seq: 1").expected_next_seq(), Some(1));
        assert_eq!(conflict("next_seq is unknown").expected_next_seq(), None);
        assert_eq!(ContractError::Unreachable("next_seq = 42".into()).expected_next_seq(), None);
    }
}
