//! Odoo's log on its way: read for the verdict as it is, and handed to the store with secrets replaced.

use async_trait::async_trait;
use bytes::Bytes;

use super::pipe::PipeWriter;
use crate::action::{Fault, Host, Level, OutputTap, Redacting};
use crate::container::lines::LineSplitter;
use crate::container::{OutputChunk, OutputStream};
use crate::odoo::log::{LogLevel, Record};
use crate::odoo::{LogFacts, LogReader};

/// A line of the log is cut into pieces of this size.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Reads Odoo's log and stores it.
pub(super) struct LogTap {
    writer: PipeWriter,
    reader: LogReader,
    stdout: Branch,
    stderr: Branch,
}

/// One stream, once to be read and once, without secrets, to be stored.
struct Branch {
    read: Lines,
    redact: Box<dyn Redacting>,
    stored: Lines,
}

/// Lines of one stream; a `\r` ends one as `\n` does, so that nothing is lost behind a progress bar.
struct Lines {
    split: LineSplitter,
    returned: bool,
}

impl Lines {
    fn new() -> Self {
        Self { split: LineSplitter::new(MAX_LINE_BYTES), returned: false }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<String>) {
        let mut broken = Vec::with_capacity(bytes.len());
        for byte in bytes {
            match byte {
                b'\n' if self.returned => {}
                b'\r' => broken.push(b'\n'),
                other => broken.push(*other),
            }
            self.returned = *byte == b'\r';
        }
        self.split.push(&broken, out);
    }
}

impl Branch {
    fn new(host: &dyn Host) -> Self {
        Self { read: Lines::new(), redact: host.redact_stream(), stored: Lines::new() }
    }

    /// Lines to be stored; those to be read are added to `read`.
    fn push(&mut self, bytes: &[u8], read: &mut Vec<String>) -> Vec<String> {
        self.read.push(bytes, read);
        let (mut clean, mut stored) = (Vec::new(), Vec::new());
        self.redact.push(bytes, &mut clean);
        self.stored.push(&clean, &mut stored);
        stored
    }

    fn finish(mut self, read: &mut Vec<String>) -> Vec<String> {
        self.read.split.finish(read);
        let (mut clean, mut stored) = (Vec::new(), Vec::new());
        self.redact.finish(&mut clean);
        self.stored.push(&clean, &mut stored);
        self.stored.split.finish(&mut stored);
        stored
    }
}

impl LogTap {
    pub(super) fn new(host: &dyn Host, writer: PipeWriter) -> Self {
        let (stdout, stderr) = (Branch::new(host), Branch::new(host));
        Self { writer, reader: LogReader::default(), stdout, stderr }
    }

    /// The container has ended: what its log said, all of which is with the store now.
    pub(super) async fn finish(mut self) -> Result<LogFacts, Fault> {
        let mut read = Vec::new();
        let mut stored = self.stdout.finish(&mut Vec::new());
        stored.extend(self.stderr.finish(&mut read));
        for line in &read {
            self.reader.push(line);
        }
        send(&self.writer, stored).await?;
        self.writer.end().await?;
        Ok(self.reader.finish())
    }
}

async fn send(writer: &PipeWriter, lines: Vec<String>) -> Result<(), Fault> {
    if lines.is_empty() {
        return Ok(());
    }
    let text = lines.join("\n") + "\n";
    writer.send(Bytes::from(text)).await
}

#[async_trait]
impl OutputTap for LogTap {
    async fn chunk(&mut self, chunk: &OutputChunk) -> Result<(), Fault> {
        let mut read = Vec::new();
        let stored = match chunk.stream {
            // Odoo logs to stderr; what is printed to stdout cannot speak for it.
            OutputStream::Stdout => self.stdout.push(&chunk.bytes, &mut Vec::new()),
            OutputStream::Stderr => self.stderr.push(&chunk.bytes, &mut read),
        };
        for line in &read {
            self.reader.push(line);
        }
        send(&self.writer, stored).await
    }

    fn level_of(&self, line: &str) -> Level {
        match Record::parse(line).map(|record| record.level) {
            Some(LogLevel::Debug) => Level::Debug,
            Some(LogLevel::Info) | None => Level::Info,
            Some(LogLevel::Warning) => Level::Warning,
            Some(LogLevel::Error | LogLevel::Critical) => Level::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Holds everything back to its end: the slowest redactor that there can be.
    struct Slow {
        held: Vec<u8>,
        secret: String,
    }

    impl Redacting for Slow {
        fn push(&mut self, bytes: &[u8], _out: &mut Vec<u8>) {
            self.held.extend_from_slice(bytes);
        }

        fn finish(self: Box<Self>, out: &mut Vec<u8>) {
            let text = String::from_utf8_lossy(&self.held).replace(&self.secret, "***");
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn pass(text: &str, part: usize, secret: &str) -> (LogFacts, Vec<String>) {
        let redact = Box::new(Slow { held: Vec::new(), secret: secret.to_owned() });
        let mut branch = Branch { read: Lines::new(), redact, stored: Lines::new() };
        let (mut read, mut stored) = (Vec::new(), Vec::new());
        for part in text.as_bytes().chunks(part) {
            stored.extend(branch.push(part, &mut read));
        }
        stored.extend(branch.finish(&mut read));
        let mut reader = LogReader::default();
        for line in &read {
            reader.push(line);
        }
        (reader.finish(), stored)
    }

    #[test]
    fn a_return_within_a_record_hides_nothing_from_verdict_or_store() {
        let text = "2026-11-20 11:18:56,646 1 ERROR db odoo.addons.x: bad answer: a\rb \r\nnext\n";
        for part in [1, 7, 1000] {
            let (facts, stored) = pass(text, part, "unused-secret");
            assert_eq!(facts.errors, 1, "in parts of {part}");
            let whole = "2026-11-20 11:18:56,646 1 ERROR db odoo.addons.x: bad answer: a";
            assert_eq!(stored, [whole, "b ", "next"], "in parts of {part}");
        }
    }

    #[test]
    fn a_secret_across_the_cut_of_a_long_line_is_not_stored() {
        for before in MAX_LINE_BYTES - 40..MAX_LINE_BYTES + 2 {
            let text = format!("{}the-secret-word{}", "x".repeat(before), "y".repeat(100));
            let (_, stored) = pass(&text, 4096, "the-secret-word");
            let joined = stored.concat().replace(crate::container::lines::CONTINUES, "");
            assert!(!joined.contains("secret-w") && joined.contains("***"), "{before} bytes before it");
        }
    }
}
