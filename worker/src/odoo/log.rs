//! Reads Odoo's log line by line and keeps the facts that a verdict needs.
//!
//! A record is `date time,ms pid LEVEL database logger: message perf`; perf is empty but for HTTP
//! requests, so lines end with a space. Tracebacks follow without a prefix. A prefix may stand behind
//! what a test printed without a line break (`.`, a progress bar).

use std::collections::BTreeSet;

use super::traceback::{TracebackReader, ends_with_header};

#[cfg(test)]
mod tests;

/// More failing tests, errors or warnings than this are counted but not kept.
const MAX_KEPT: usize = 20;

/// What `wait-for-psql.py` of the public image says before it gives up (exit code 1).
const CONNECTION_FAILURE: &str = "Database connection failure";
/// How a traceback names SQLSTATE 53100.
const DISK_FULL: [&str; 2] = ["psycopg2.errors.DiskFull", "psycopg.errors.DiskFull"];

/// Bytes of a prefix before the comma of its time.
const PREFIX_TO_COMMA: usize = "dddd-dd-dd dd:dd:dd".len();

/// Level of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// DEBUG
    Debug,
    /// INFO, and Odoo's own RUNBOT (25)
    Info,
    /// WARNING
    Warning,
    /// ERROR
    Error,
    /// CRITICAL
    Critical,
}

/// One record's first line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Level.
    pub level: LogLevel,
    /// Database, `?` outside one.
    pub database: &'a str,
    /// Logger: `odoo.modules.loading`, `odoo.addons.<module>.…`.
    pub logger: &'a str,
    /// Message without the trailing space.
    pub message: &'a str,
}

impl<'a> Record<'a> {
    /// Takes a line apart from its first prefix on; `None` when it has none (traceback, something printed).
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let starts = line.match_indices(',').filter_map(|(comma, _)| comma.checked_sub(PREFIX_TO_COMMA));
        starts.filter_map(|start| line.get(start..)).find_map(Self::parse_start)
    }

    /// Takes a line apart whose prefix stands at its start.
    fn parse_start(line: &'a str) -> Option<Self> {
        let (date, rest) = line.split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        if !has_shape(date, "dddd-dd-dd") || !has_shape(time, "dd:dd:dd,ddd") {
            return None;
        }
        let (pid, rest) = rest.split_once(' ')?;
        let (level, rest) = rest.split_once(' ')?;
        let (database, rest) = rest.split_once(' ')?;
        let (logger, message) = rest.split_once(": ")?;
        pid.parse::<u32>().ok()?;
        let level = match level {
            "DEBUG" => LogLevel::Debug,
            "INFO" | "RUNBOT" => LogLevel::Info,
            "WARNING" => LogLevel::Warning,
            "ERROR" => LogLevel::Error,
            "CRITICAL" => LogLevel::Critical,
            _ => return None,
        };
        Some(Self { level, database, logger, message: message.trim_end() })
    }
}

fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// The line that ends a run with tests: `1 failed, 2 error(s) of 9 tests when loading database 'x'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TestSummary {
    /// Assertions that failed.
    pub failed: u64,
    /// Other exceptions in tests, and in the set-up of classes.
    pub errors: u64,
    /// Tests that ran, skipped ones included.
    pub tests: u64,
}

impl TestSummary {
    fn parse(message: &str) -> Option<Self> {
        let (counts, _) = message.split_once(" tests when loading database ")?;
        let (failed, rest) = counts.split_once(" failed, ")?;
        let (errors, tests) = rest.split_once(" error(s) of ")?;
        Some(Self { failed: failed.parse().ok()?, errors: errors.parse().ok()?, tests: tests.parse().ok()? })
    }
}

/// What the log of one run of Odoo said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// `Modules loaded.` was said.
    pub modules_loaded: bool,
    /// `Initiating shutdown` was said.
    pub shut_down: bool,
    /// `Failed to initialize database` was said.
    pub failed_to_initialize: bool,
    /// The summary of the tests.
    pub summary: Option<TestSummary>,
    /// Tests that failed: `sample_failing TestSum.test_sum`; the first ones.
    pub failing_tests: Vec<String>,
    /// Tests skipped; [`TestSummary::tests`] counts them too.
    pub skipped: u64,
    /// Set-ups of classes and modules skipped, whose tests are counted nowhere.
    pub skipped_set_ups: u64,
    /// Modules of which at least one test was started.
    pub tested_modules: BTreeSet<String>,
    /// What the image's entrypoint said when it found no database server.
    pub connection_failure: Option<String>,
    /// What Postgres said when its disk was full (SQLSTATE 53100).
    pub database_disk_full: Option<String>,
    /// Records of any level.
    pub records: u64,
    /// Modules that were asked for and do not exist.
    pub unknown_modules: Vec<String>,
    /// Records at ERROR or CRITICAL.
    pub errors: u64,
    /// The first of them, without prefix.
    pub first_errors: Vec<String>,
    /// Tracebacks, also those outside records.
    pub tracebacks: u64,
    /// What the last traceback ended with.
    pub last_exception: Option<String>,
    /// Records at WARNING.
    pub warnings: u64,
    /// The first of them, without prefix.
    pub first_warnings: Vec<String>,
    /// The last line without a prefix, for runs that end before there is a log.
    pub last_bare_line: Option<String>,
}

/// Reads lines in the order they were written.
#[derive(Debug, Clone, Default)]
pub struct LogReader {
    facts: LogFacts,
    traceback: TracebackReader,
}

impl LogReader {
    /// Takes one line, without its line break; says its level where it has a prefix.
    pub fn push(&mut self, line: &str) -> Option<LogLevel> {
        let Some(record) = Record::parse(line) else {
            self.push_bare(line);
            return None;
        };
        self.end_traceback();
        self.facts.records += 1;
        if ends_with_header(record.message) {
            self.facts.tracebacks += 1;
            self.traceback.push(record.message);
        }
        match record.level {
            LogLevel::Debug | LogLevel::Info => {}
            LogLevel::Warning => {
                self.facts.warnings += 1;
                keep(&mut self.facts.first_warnings, record.message);
            }
            LogLevel::Error | LogLevel::Critical => {
                self.facts.errors += 1;
                keep(&mut self.facts.first_errors, record.message);
            }
        }
        self.push_record(&record);
        Some(record.level)
    }

    /// The log has ended.
    #[must_use]
    pub fn finish(mut self) -> LogFacts {
        self.end_traceback();
        self.facts
    }

    fn push_bare(&mut self, line: &str) {
        if ends_with_header(line) {
            self.facts.tracebacks += 1;
        }
        self.traceback.push(line);
        if line.contains(CONNECTION_FAILURE) {
            self.facts.connection_failure = Some(line.trim().to_owned());
        }
        if DISK_FULL.iter().any(|name| line.starts_with(name)) {
            self.facts.database_disk_full = Some(line.trim().to_owned());
        }
        if !line.trim().is_empty() {
            self.facts.last_bare_line = Some(line.trim().to_owned());
        }
    }

    fn end_traceback(&mut self) {
        if let Some(exception) = self.traceback.finish() {
            self.facts.last_exception = Some(exception);
        }
    }

    fn push_record(&mut self, record: &Record<'_>) {
        let message = record.message;
        match record.logger {
            "odoo.modules.loading" => {
                self.facts.modules_loaded |= message == "Modules loaded.";
                if let Some(names) = message.strip_prefix("invalid module names, ignored: ") {
                    self.facts.unknown_modules.extend(names.split(", ").map(str::to_owned));
                }
            }
            "odoo.service.server" => {
                self.facts.shut_down |= message == "Initiating shutdown";
                self.facts.failed_to_initialize |= message.starts_with("Failed to initialize database");
            }
            "odoo.tests.result" => {
                if let Some(summary) = TestSummary::parse(message) {
                    self.facts.summary = Some(summary);
                }
            }
            logger => self.push_test_line(logger, record.level, message),
        }
    }

    /// Lines of tests come from the addon's own logger, those of class set-ups from `odoo.tests.suite`.
    fn push_test_line(&mut self, logger: &str, level: LogLevel, message: &str) {
        let module = logger.strip_prefix("odoo.addons.").and_then(|rest| rest.split('.').next());
        if module.is_none() && logger != "odoo.tests.suite" {
            return;
        }
        if let Some(skipped) = message.strip_prefix("skipped ").filter(|text| text.contains(" : ")) {
            if skipped.starts_with("setUp") || skipped.starts_with("tearDown") {
                self.facts.skipped_set_ups += 1;
            } else if !skipped.starts_with("Subtest ") {
                self.facts.skipped += 1;
            }
        }
        if let (Some(module), true) = (module, message.starts_with("Starting ") && message.ends_with(" ..."))
        {
            self.facts.tested_modules.insert(module.to_owned());
        }
        let failing = message.strip_prefix("FAIL: ").or_else(|| message.strip_prefix("ERROR: "));
        if let (Some(test), LogLevel::Error) = (failing, level) {
            let test = module.map_or_else(|| test.to_owned(), |module| format!("{module} {test}"));
            keep(&mut self.facts.failing_tests, &test);
        }
    }
}

fn keep(kept: &mut Vec<String>, text: &str) {
    if kept.len() < MAX_KEPT {
        kept.push(text.to_owned());
    }
}
