//! The canonical log of an attempt, pure: which lines are stored, in what batches, and
//! what the final record says of them.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::action::Level;

/// Lines of one batch at most.
pub(super) const BATCH_LINES: usize = 1_000;
/// Bytes of one batch at most (one longer line makes a batch of its own).
pub(super) const BATCH_BYTES: usize = 512 * 1024;

/// One line of the log: redacted, valid UTF-8, without NUL or line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogLine {
    pub(super) step: Option<Arc<str>>,
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) message: String,
}

/// What `finish_run_log` records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogRecord {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) sha256: String,
}

/// Lines that did not fit the limit of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// Collects lines into batches, keeps to the limit, and counts what it gave out.
pub(super) struct LogBatcher {
    limit_bytes: u64,
    batch: Vec<LogLine>,
    batch_bytes: usize,
    taken_bytes: u64,
    taken_lines: u64,
    digest: Sha256,
    cut: Cut,
}

impl LogBatcher {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            batch: Vec::new(),
            batch_bytes: 0,
            taken_bytes: 0,
            taken_lines: 0,
            digest: Sha256::new(),
            cut: Cut::default(),
        }
    }

    /// Takes a line, or cuts it when the run's limit is reached; from the first cut on everything is cut,
    /// so that what is stored is the head of the log and not a sieve of it.
    pub(super) fn push(&mut self, line: LogLine) {
        let bytes = line.message.len() as u64 + 1;
        if self.cut.lines > 0 || self.taken_bytes + bytes > self.limit_bytes {
            self.cut.lines += 1;
            self.cut.bytes += bytes;
        } else {
            self.take(line);
        }
    }

    /// Takes a line of our own, limit or not (there is one: the line that says what was cut).
    pub(super) fn take(&mut self, line: LogLine) {
        self.digest.update(line.message.as_bytes());
        self.digest.update(b"\n");
        self.taken_bytes += line.message.len() as u64 + 1;
        self.taken_lines += 1;
        self.batch_bytes += line.message.len();
        self.batch.push(line);
    }

    /// Whether the batch should go now.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_LINES || self.batch_bytes >= BATCH_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Hands the batch out and starts a new one.
    pub(super) fn flush(&mut self) -> Vec<LogLine> {
        self.batch_bytes = 0;
        std::mem::take(&mut self.batch)
    }

    pub(super) fn cut(&self) -> Cut {
        self.cut
    }

    /// The record over everything taken.
    pub(super) fn record(&self) -> LogRecord {
        LogRecord {
            bytes: self.taken_bytes,
            lines: self.taken_lines,
            sha256: hex::encode(self.digest.clone().finalize()),
        }
    }
}

/// The line that says how much is missing.
pub(super) fn cut_message(cut: Cut, limit_bytes: u64) -> String {
    format!(
        "the log passed the limit of {limit_bytes} bytes for one run: {} further lines ({} bytes) were not stored",
        cut.lines, cut.bytes
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine {
            step: Some("build".into()),
            at: Timestamp::UNIX_EPOCH,
            level: Level::Info,
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_record_is_the_checksum_of_lines_with_line_breaks() {
        let mut log = LogBatcher::new(1_000);
        log.push(line("a"));
        log.push(line(""));
        log.flush();
        log.push(line("ü"));
        let expected = hex::encode(Sha256::digest("a\n\nü\n".as_bytes()));
        assert_eq!(log.record(), LogRecord { bytes: 6, lines: 3, sha256: expected });
    }

    #[test]
    fn what_is_over_the_limit_is_cut_and_counted() {
        let mut log = LogBatcher::new(6);
        for message in ["1234", "5678", "9"] {
            log.push(line(message));
        }
        assert_eq!(log.flush(), [line("1234")]);
        assert_eq!(log.cut(), Cut { lines: 2, bytes: 7 });
        assert_eq!(log.record().lines, 1);
    }

    #[test]
    fn a_batch_is_full_by_lines_or_by_bytes() {
        let mut by_lines = LogBatcher::new(u64::MAX);
        (0..BATCH_LINES).for_each(|_| by_lines.push(line("x")));
        assert!(by_lines.is_full());
        let mut by_bytes = LogBatcher::new(u64::MAX);
        by_bytes.push(line(&"x".repeat(BATCH_BYTES)));
        assert!(by_bytes.is_full());
        by_bytes.flush();
        assert!(!by_bytes.is_full() && by_bytes.is_empty());
    }
}
