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
fn a_record_is_found_behind_what_was_printed_without_a_line_break() {
    for before in [".", "..", "100%|####| 9/9 ", "a 2026-11-20 ", "é"] {
        let facts = read(&format!("{before}2026-11-20 11:18:56,646 1 ERROR db odoo.addons.x: on fire "));
        assert_eq!(
            (facts.errors, facts.first_errors.as_slice()),
            (1, &["on fire".to_owned()][..]),
            "{before}"
        );
    }
}

#[test]
fn a_record_that_quotes_another_is_itself() {
    let facts = read(
        "2026-11-20 11:18:56,646 1 INFO db odoo.addons.x: said 2026-11-20 11:18:56,646 1 ERROR db odoo.addons.y: no ",
    );
    assert_eq!((facts.errors, facts.records), (0, 1));
}

#[test]
fn a_traceback_counts_wherever_its_header_ends_a_line() {
    for line in [
        "Traceback (most recent call last):",
        "cron failed: Traceback (most recent call last):",
        "2026-11-20 11:18:56,646 1 WARNING db odoo.addons.x: failed: Traceback (most recent call last): ",
        "2026-11-20 11:18:56,646 1 INFO db odoo.addons.x: Traceback (most recent call last):",
    ] {
        let facts = read(&format!("{line}\n  File \"a.py\", line 1\nValueError: no\n"));
        assert_eq!(
            (facts.tracebacks, facts.last_exception.as_deref()),
            (1, Some("ValueError: no")),
            "{line}"
        );
    }
}

#[test]
fn skipped_tests_are_told_from_skipped_classes_and_subtests() {
    let prefix = "2026-11-20 11:18:56,646 1 INFO db odoo.addons.x.tests.t:";
    let facts = read(&format!(
        "{prefix} Starting T.test_a ... \n{prefix} skipped T.test_a : no browser \n\
         {prefix} skipped Subtest T.test_b (i=1) : no \n\
         2026-11-20 11:18:56,646 1 INFO db odoo.tests.suite: skipped setUpClass (odoo.addons.x.tests.t.U) : no "
    ));
    assert_eq!((facts.skipped, facts.skipped_set_ups), (1, 1));
    assert_eq!(facts.tested_modules.into_iter().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn a_green_log_is_green() {
    let facts = read(include_str!("../testdata/green.log"));
    assert_eq!(facts.summary, Some(TestSummary { failed: 0, errors: 0, tests: 9 }));
    assert!(facts.modules_loaded && facts.shut_down && !facts.failed_to_initialize);
    assert_eq!((facts.errors, facts.warnings, facts.tracebacks, facts.skipped), (0, 0, 0, 1));
}

#[test]
fn failing_tests_are_named_with_their_module() {
    let facts = read(include_str!("../testdata/failing.log"));
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
    let facts = read(include_str!("../testdata/not_loaded.log"));
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
