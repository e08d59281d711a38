//! Reads Odoo's log line by line and keeps the facts that a verdict needs.
//!
//! A record is `date time,ms pid LEVEL database logger: message perf`; perf is empty but for HTTP
//! requests, so lines end with a space. Tracebacks follow without a prefix.

use super::traceback::{HEADER, TracebackReader};

/// More failing tests, errors or warnings than this are counted but not kept.
const MAX_KEPT: usize = 20;

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
    /// Takes a line apart; `None` when it has no prefix (traceback, something printed).
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
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
    /// Tests skipped.
    pub skipped: u64,
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
        if line.trim_start() == HEADER {
            self.facts.tracebacks += 1;
        }
        self.traceback.push(line);
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
        if message.starts_with("skipped ") && message.contains(" : ") {
            self.facts.skipped += 1;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LogFacts, LogLevel, LogReader, Record, TestSummary};

    fn read(text: &str) -> LogFacts {
        let mut reader = LogReader::default();
        for line in text.lines() {
            reader.push(line);
        }
        reader.finish()
    }

    #[test]
    fn a_record_is_taken_apart() {
        let line = "2026-11-20 11:18:56,646 1 WARNING my-db odoo.tests.result: 0 failed: yes ";
        let record = Record::parse(line).expect("a record");
        assert_eq!(record.level, LogLevel::Warning);
        assert_eq!(
            (record.database, record.logger, record.message),
            ("my-db", "odoo.tests.result", "0 failed: yes")
        );
    }

    #[test]
    fn other_lines_are_no_records() {
        for line in [
            "",
            "Warn: Can't find .pfb for face 'Courier'",
            "2026-11-20 11:18:56 1 INFO db odoo: no milliseconds",
            "2026-11-20 11:18:56,646 x INFO db odoo: no pid",
            "2026-11-20 11:18:56,646 1 LOUD db odoo: no level",
            "2026-11-20 11:18:56,646 1 INFO db no logger",
            "  File \"a.py\", line 1, in <module>",
        ] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_green_log_is_green() {
        let facts = read(include_str!("testdata/green.log"));
        assert_eq!(facts.summary, Some(TestSummary { failed: 0, errors: 0, tests: 9 }));
        assert!(facts.modules_loaded && facts.shut_down && !facts.failed_to_initialize);
        assert_eq!((facts.errors, facts.warnings, facts.tracebacks, facts.skipped), (0, 0, 0, 1));
    }

    #[test]
    fn failing_tests_are_named_with_their_module() {
        let facts = read(include_str!("testdata/failing.log"));
        assert_eq!(facts.summary, Some(TestSummary { failed: 2, errors: 2, tests: 4 }));
        assert_eq!(
            facts.failing_tests,
            [
                "lab_fail TestF.test_error",
                "lab_fail TestF.test_fail",
                "lab_fail Subtest TestF.test_subtests (i=1)",
                "setUpClass (odoo.addons.lab_fail.tests.test_f.TestG)",
            ]
        );
        assert!(!facts.modules_loaded);
        assert_eq!(facts.tracebacks, 4);
        assert_eq!(facts.last_exception.as_deref(), Some("RuntimeError: no stage"));
    }

    #[test]
    fn a_database_that_does_not_load_says_why() {
        let facts = read(include_str!("testdata/not_loaded.log"));
        assert!(facts.failed_to_initialize && facts.shut_down && !facts.modules_loaded);
        assert_eq!(
            facts.last_exception.as_deref(),
            Some(
                "odoo.exceptions.UserError: You try to install module \"a\" that depends on module \"b\". \
                 But the latter module is not available in your system."
            )
        );
    }

    #[test]
    fn unknown_modules_are_named() {
        let facts = read(
            "2026-11-20 11:18:56,646 1 WARNING db odoo.modules.loading: invalid module names, ignored: a, b ",
        );
        assert_eq!(facts.unknown_modules, ["a", "b"]);
        assert_eq!(facts.warnings, 1);
    }

    #[test]
    fn an_addon_cannot_speak_for_the_server() {
        let facts = read(
            "2026-11-20 11:18:56,646 1 INFO db odoo.addons.x.models: Modules loaded. \n\
             2026-11-20 11:18:56,646 1 INFO db odoo.addons.x: 0 failed, 0 error(s) of 5 tests when loading database 'db' ",
        );
        assert!(!facts.modules_loaded);
        assert_eq!(facts.summary, None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let line = "2026-11-20 11:18:56,646 1 ERROR db odoo.addons.x.tests.t: FAIL: A.b\n";
        let facts = read(&line.repeat(1000));
        assert_eq!(facts.errors, 1000);
        assert_eq!((facts.failing_tests.len(), facts.first_errors.len()), (20, 20));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in ".*") {
            let mut reader = LogReader::default();
            reader.push(&line);
            reader.push("Traceback (most recent call last):");
            reader.push(&line);
            let _ = reader.finish();
        }
    }
}
