//! The log shipper: bytes are redacted, split into lines, numbered and appended in bounded batches.
//!
//! Channels are short on purpose: while the database is slow, senders wait, the container's pipe fills
//! and the container waits, and the worker's memory stays what it is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::action::Level;
use crate::container::lines::LineSplitter;
use crate::contract::{Contract, ContractError, LogBatch};

use super::lease::Lease;
use super::log_batch::{Cut, LogBatcher, LogLine, LogRecord, cut_message};
use super::metrics::Metrics;
use super::persist::{PersistError, persist};
use super::redact::{RedactStream, Redactor};

/// How long a line may wait for company.
const BATCH_AGE: Duration = Duration::from_millis(250);
/// Groups of lines under way between senders and shipper.
const CHANNEL_GROUPS: usize = 8;
/// Bytes that are redacted and split at a time: bounds a group.
const SLICE_BYTES: usize = 64 * 1024;
/// Longer lines are split and marked (contract §9).
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The shipper has ended: the lease is lost or the database refused the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogClosed;

/// Where lines of a run go; cheap to clone.
#[derive(Clone)]
pub(super) struct LogSender {
    groups: mpsc::Sender<Vec<LogLine>>,
    redactor: Arc<Redactor>,
}

impl LogSender {
    /// One message of our own, redacted; line breaks make several lines.
    pub(super) async fn say(&self, step: &Arc<str>, level: Level, message: &str) -> Result<(), LogClosed> {
        let mut stream = self.stream(step, level);
        stream.push(message.as_bytes()).await?;
        stream.finish().await
    }

    /// A byte stream of a container.
    pub(super) fn stream(&self, step: &Arc<str>, level: Level) -> LogStream {
        LogStream {
            redact: self.redactor.stream(),
            split: LineSplitter::new(MAX_LINE_BYTES),
            step: Arc::clone(step),
            level,
            groups: self.groups.clone(),
            clean: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// `text` without the values of secrets, for messages that are stored elsewhere.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.redact_str(text)
    }
}

/// One stream of bytes on its way to lines.
pub(super) struct LogStream {
    redact: RedactStream,
    split: LineSplitter,
    step: Arc<str>,
    level: Level,
    groups: mpsc::Sender<Vec<LogLine>>,
    clean: Vec<u8>,
    texts: Vec<String>,
}

impl LogStream {
    /// Takes bytes; waits while the database is slow.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), LogClosed> {
        for slice in bytes.chunks(SLICE_BYTES) {
            self.redact.push(slice, &mut self.clean);
            self.split.push(&self.clean, &mut self.texts);
            self.clean.clear();
            self.send().await?;
        }
        Ok(())
    }

    /// The end of the stream: a last line without a line break counts.
    pub(super) async fn finish(mut self) -> Result<(), LogClosed> {
        self.redact.finish(&mut self.clean);
        self.split.push(&self.clean, &mut self.texts);
        self.split.finish(&mut self.texts);
        self.send().await
    }

    async fn send(&mut self) -> Result<(), LogClosed> {
        if self.texts.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let group = self
            .texts
            .drain(..)
            .map(|message| LogLine { step: Arc::clone(&self.step), at, level: self.level, message })
            .collect();
        self.groups.send(group).await.map_err(|_closed| LogClosed)
    }
}

/// The end of the channel that writes to the database.
pub(super) struct LogShipper {
    pub(super) contract: Contract,
    pub(super) lease: Lease,
    pub(super) limit_bytes: u64,
    pub(super) metrics: Arc<Metrics>,
}

impl LogShipper {
    /// Starts the shipper; its task ends when every sender is gone.
    pub(super) fn start(self, redactor: Arc<Redactor>) -> (LogSender, ShipperTask) {
        let (groups, receiver) = mpsc::channel(CHANNEL_GROUPS);
        let task = tokio::spawn(self.ship(receiver));
        (LogSender { groups, redactor }, ShipperTask { task })
    }

    async fn ship(self, mut groups: mpsc::Receiver<Vec<LogLine>>) -> Result<Cut, PersistError> {
        let mut batcher = LogBatcher::new(self.limit_bytes);
        let mut first_seq = 1;
        let mut due = Instant::now();
        loop {
            let waited = if batcher.is_empty() {
                Ok(groups.recv().await)
            } else {
                tokio::time::timeout_at(due, groups.recv()).await
            };
            match waited {
                Ok(Some(lines)) => {
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
                Ok(None) => break,
                Err(_due) => first_seq = self.append(first_seq, batcher.flush()).await?,
            }
        }
        self.close(first_seq, batcher).await
    }

    async fn close(&self, first_seq: i64, mut batcher: LogBatcher) -> Result<Cut, PersistError> {
        let cut = batcher.cut();
        if cut.lines > 0 {
            let message = cut_message(cut, self.limit_bytes);
            batcher.take(LogLine { step: "".into(), at: Timestamp::now(), level: Level::Warning, message });
            self.metrics.log_lines_cut.inc_by(cut.lines);
        }
        if !batcher.is_empty() {
            self.append(first_seq, batcher.flush()).await?;
        }
        let LogRecord { bytes, lines, sha256 } = batcher.record();
        let (contract, lease) = (&self.contract, &self.lease);
        let (bytes, lines, sha256) = (saturating(bytes), saturating(lines), sha256.as_str());
        persist(&lease.stop, "finish_run_log", || {
            contract.finish_run_log(lease.run_id, lease.token, bytes, lines, sha256)
        })
        .await?;
        Ok(cut)
    }

    /// Appends a batch and says where the next one starts. When the database counts otherwise (somebody
    /// else wrote a line in between), the batch is numbered anew.
    async fn append(&self, first_seq: i64, lines: Vec<LogLine>) -> Result<i64, PersistError> {
        let bytes: usize = lines.iter().map(|line| line.message.len() + 1).sum();
        let count = lines.len() as u64;
        let batch = to_batch(lines);
        let mut first_seq = first_seq;
        loop {
            let (contract, lease, lines) = (&self.contract, &self.lease, &batch);
            let appended = persist(&lease.stop, "append_run_logs", || {
                contract.append_run_logs(lease.run_id, lease.token, first_seq, lines)
            })
            .await;
            match appended {
                Ok(next_seq) => {
                    self.metrics.log_lines.inc_by(count);
                    self.metrics.log_bytes.inc_by(bytes as u64);
                    return Ok(next_seq);
                }
                Err(PersistError::Refused(error)) => match next_seq(&error) {
                    Some(next) if next != first_seq => first_seq = next,
                    Some(_) | None => return Err(PersistError::Refused(error)),
                },
                Err(PersistError::LeaseLost) => return Err(PersistError::LeaseLost),
            }
        }
    }
}
