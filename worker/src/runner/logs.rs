//! The way of a line: a container's bytes are redacted, split into lines and sent to the shipper.
//!
//! Channels are short on purpose: while the database is slow, senders wait, the container's pipe fills
//! and the container waits, and the worker's memory stays what it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::action::Level;
use crate::container::lines::LineSplitter;

use super::log_batch::LogLine;
use super::redact::{RedactStream, Redactor};

/// Bytes of output that are redacted and split at a time: bounds a group of lines.
pub(super) const SLICE_BYTES: usize = 64 * 1024;
/// Longer lines are split and marked.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The shipper has ended: the lease is lost or the database refused the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogClosed;

/// Where lines of a run go; cheap to clone.
#[derive(Clone)]
pub(super) struct LogSender {
    groups: mpsc::Sender<Vec<LogLine>>,
    redactor: Arc<Redactor>,
    torn: Arc<AtomicBool>,
}

impl LogSender {
    /// `torn` becomes true when lines of the attempt are known to be missing.
    pub(super) fn new(
        groups: mpsc::Sender<Vec<LogLine>>,
        redactor: Arc<Redactor>,
        torn: Arc<AtomicBool>,
    ) -> Self {
        Self { groups, redactor, torn }
    }

    /// Lines are missing: the log of this attempt must not be recorded as whole.
    pub(super) fn mark_torn(&self) {
        self.torn.store(true, Ordering::Release);
    }

    /// One message of our own, redacted; line breaks make several lines.
    pub(super) async fn say(
        &self,
        step: Option<&Arc<str>>,
        level: Level,
        message: &str,
    ) -> Result<(), LogClosed> {
        let mut stream = self.stream(step);
        let mut lines = stream.absorb(message.as_bytes(), |_| level);
        lines.extend(stream.finish(|_| level));
        self.send(lines).await
    }

    /// Sends lines on; waits while the database is slow.
    pub(super) async fn send(&self, lines: Vec<LogLine>) -> Result<(), LogClosed> {
        if lines.is_empty() {
            return Ok(());
        }
        self.groups.send(lines).await.map_err(|_closed| LogClosed)
    }

    /// A byte stream of a container.
    pub(super) fn stream(&self, step: Option<&Arc<str>>) -> LogStream {
        LogStream {
            redact: self.redactor.stream(),
            split: LineSplitter::new(MAX_LINE_BYTES),
            step: step.map(Arc::clone),
            clean: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// A stream of bytes that go elsewhere than to the log.
    pub(super) fn redact_stream(&self) -> RedactStream {
        self.redactor.stream()
    }

    /// `text` without the values of secrets, for messages that are stored elsewhere.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.redact_str(text)
    }

    /// The same for JSON, in keys and values.
    pub(super) fn redact_map(&self, map: Map<String, Value>) -> Map<String, Value> {
        map.into_iter().map(|(key, value)| (self.redact(&key), self.redact_value(value))).collect()
    }

    fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.redact_value(value)).collect(),
            Value::Object(map) => Value::Object(self.redact_map(map)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

/// One stream of bytes on its way to lines.
pub(super) struct LogStream {
    redact: RedactStream,
    split: LineSplitter,
    step: Option<Arc<str>>,
    clean: Vec<u8>,
    texts: Vec<String>,
}

impl LogStream {
    /// Takes at most [`SLICE_BYTES`] bytes at a time, so that a group of lines is bounded.
    pub(super) fn absorb(&mut self, bytes: &[u8], level_of: impl Fn(&str) -> Level) -> Vec<LogLine> {
        self.redact.push(bytes, &mut self.clean);
        self.split.push(&self.clean, &mut self.texts);
        self.clean.clear();
        lines(&mut self.texts, self.step.as_ref(), level_of)
    }

    /// The step whose lines these are.
    pub(super) fn step(&self) -> Option<Arc<str>> {
        self.step.clone()
    }

    /// The end of the stream: a last line without a line break counts.
    pub(super) fn finish(mut self, level_of: impl Fn(&str) -> Level) -> Vec<LogLine> {
        self.redact.finish(&mut self.clean);
        self.split.push(&self.clean, &mut self.texts);
        self.split.finish(&mut self.texts);
        lines(&mut self.texts, self.step.as_ref(), level_of)
    }
}

fn lines(texts: &mut Vec<String>, step: Option<&Arc<str>>, level_of: impl Fn(&str) -> Level) -> Vec<LogLine> {
    let at = Timestamp::now();
    let line =
        |message: String| LogLine { step: step.map(Arc::clone), at, level: level_of(&message), message };
    texts.drain(..).map(line).collect()
}
