//! The end of the log channel that writes to the database: numbers lines, appends them in batches, and
//! leaves the final record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::action::Level;
use crate::contract::{Contract, LogBatch, LogLevel, LogLine as StoredLine};

use super::lease::Lease;
use super::log_batch::{LogBatcher, LogLine, LogRecord, cut_message};
use super::logs::LogSender;
use super::metrics::Metrics;
use super::persist::{PersistError, persist};
use super::redact::Redactor;

/// How long a line may wait for company.
const BATCH_AGE: Duration = Duration::from_millis(250);
/// Groups of lines under way between senders and shipper.
const CHANNEL_GROUPS: usize = 8;
/// The number of an attempt's first line.
const FIRST_SEQ: i64 = 1;

/// What the shipper needs.
pub(super) struct LogShipper {
    pub(super) contract: Contract,
    pub(super) lease: Lease,
    pub(super) limit_bytes: u64,
    pub(super) metrics: Arc<Metrics>,
}

/// The shipper at work.
pub(super) struct Shipping {
    task: AbortOnDropHandle<Result<(), PersistError>>,
    finish: CancellationToken,
}

impl Shipping {
    /// Takes no more lines, stores what is under way and the final record.
    pub(super) async fn finish(self) -> Result<(), PersistError> {
        self.finish.cancel();
        match self.task.await {
            Ok(outcome) => outcome,
            Err(panic) => {
                tracing::error!(error = %panic, "the log shipper failed");
                Err(PersistError::Broken)
            }
        }
    }
}

impl LogShipper {
    /// Starts shipping.
    pub(super) fn start(self, redactor: Arc<Redactor>) -> (LogSender, Shipping) {
        let (groups, receiver) = mpsc::channel(CHANNEL_GROUPS);
        let (finish, torn) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let shipping = self.ship(receiver, finish.clone(), Arc::clone(&torn));
        let task = AbortOnDropHandle::new(tokio::spawn(shipping));
        (LogSender::new(groups, redactor, torn), Shipping { task, finish })
    }

    async fn ship(
        self,
        mut groups: mpsc::Receiver<Vec<LogLine>>,
        finish: CancellationToken,
        torn: Arc<AtomicBool>,
    ) -> Result<(), PersistError> {
        let mut batcher = LogBatcher::new(self.limit_bytes);
        let mut first_seq = FIRST_SEQ;
        let mut due = Instant::now();
        loop {
            let group = tokio::select! {
                biased;
                () = finish.cancelled(), if !groups.is_closed() => {
                    // What was sent before is still handed out.
                    groups.close();
                    continue;
                }
                group = groups.recv() => group,
                () = tokio::time::sleep_until(due), if !batcher.is_empty() => {
                    first_seq = self.append(first_seq, batcher.flush()).await?;
                    continue;
                }
            };
            let Some(lines) = group else { break };
            if batcher.is_empty() {
                due = Instant::now() + BATCH_AGE;
            }
            for line in lines {
                batcher.push(line);
                if batcher.is_full() {
                    first_seq = self.append(first_seq, batcher.flush()).await?;
                    due = Instant::now() + BATCH_AGE;
                }
            }
        }
        self.close(first_seq, batcher, torn.load(Ordering::Acquire)).await
    }

    /// Stores the rest and, unless lines are known to be missing, the record by which a reader knows that
    /// the log is whole.
    async fn close(&self, first_seq: i64, mut batcher: LogBatcher, torn: bool) -> Result<(), PersistError> {
        let cut = batcher.cut();
        if cut.lines > 0 {
            let message = cut_message(cut, self.limit_bytes);
            batcher.take(LogLine { step: None, at: Timestamp::now(), level: Level::Warning, message });
            self.metrics.log_lines_cut.inc_by(cut.lines);
        }
        if !batcher.is_empty() {
            self.append(first_seq, batcher.flush()).await?;
        }
        if torn {
            return Ok(());
        }
        let LogRecord { bytes, lines, sha256 } = batcher.record();
        let (contract, lease, sha256) = (&self.contract, &self.lease, sha256.as_str());
        let (bytes, lines) = (saturating(bytes), saturating(lines));
        persist(&lease.stop, "finish_run_log", || {
            contract.finish_run_log(lease.run_id, lease.token, bytes, lines, sha256)
        })
        .await
    }

    /// Appends a batch and says where the next one starts. When the database counts otherwise (somebody
    /// else wrote a line in between), the batch is numbered anew.
    async fn append(&self, first_seq: i64, batch: Vec<LogLine>) -> Result<i64, PersistError> {
        let bytes: usize = batch.iter().map(|line| line.message.len() + 1).sum();
        let lines: Vec<StoredLine> = batch.into_iter().map(stored).collect();
        let (contract, lease, lines) = (&self.contract, &self.lease, lines.as_slice());
        let mut first_seq = first_seq;
        loop {
            let appended = persist(&lease.stop, "append_run_logs", || {
                contract.append_run_logs(lease.run_id, lease.token, LogBatch { first_seq, lines })
            })
            .await;
            match appended {
                Ok(next_seq) => {
                    self.metrics.log_lines.inc_by(lines.len() as u64);
                    self.metrics.log_bytes.inc_by(bytes as u64);
                    return Ok(next_seq);
                }
                Err(PersistError::Refused(error)) => match error.expected_next_seq() {
                    Some(expected) if expected != first_seq => first_seq = expected,
                    Some(_) | None => return Err(PersistError::Refused(error)),
                },
                Err(error) => return Err(error),
            }
        }
    }
}

fn stored(line: LogLine) -> StoredLine {
    StoredLine {
        step: line.step.map(|step| step.to_string()),
        timestamp: line.at,
        level: match line.level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warning,
            Level::Error => LogLevel::Error,
        },
        message: line.message,
    }
}

fn saturating(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
