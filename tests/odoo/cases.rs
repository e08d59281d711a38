//! One addon for each way to fail, and the reason that its run must give: the same on the stand-in and on Odoo.

use serde_json::{Value, json};

use super::bench::{Bench, Ended, modules};

/// Branch, module, and what the message must say.
pub(super) const BROKEN: &[(&str, &str, &str)] = &[
    (
        "broken/failing-test",
        "sample_failing",
        "1 failed, 0 error(s) of 2 tests: sample_failing TestSum.test_sum",
    ),
    (
        "broken/failing-after-install",
        "sample_failing_late",
        "1 failed, 0 error(s) of 1 tests: sample_failing_late TestLate.test_late",
    ),
    (
        "broken/erroring-test",
        "sample_erroring",
        "0 failed, 1 error(s) of 1 tests: sample_erroring TestZero.test_divides_by_zero",
    ),
    ("broken/failing-setup", "sample_setup", "0 failed, 1 error(s) of 0 tests: setUpClass"),
    (
        "broken/import-error",
        "sample_unimportable",
        "the modules did not load: ImportError: cannot import name 'not_there'",
    ),
    (
        "broken/test-import-error",
        "sample_untestable",
        "the modules did not load: ImportError: cannot import name 'not_there'",
    ),
    (
        "broken/missing-dependency",
        "sample_lonely",
        "You try to install module \"sample_lonely\" that depends on module \"sample_nowhere\"",
    ),
    ("broken/missing-requirement", "sample_needy", "odooops-sample-absent not installed"),
    ("broken/logs-error", "sample_shouting", "1 error(s) in the log: the oven is on fire"),
    ("broken/no-tests", "sample_untested", "no test ran"),
    (
        "broken/bad-manifest",
        "sample_misprint",
        "wrong manifest: addons/sample_misprint/__manifest__.py:5: ',' or '}' is missing",
    ),
    (
        "broken/bad-version",
        "sample_old",
        "wrong manifest: addons/sample_old/__manifest__.py:3: version '17.0.1.0.0' is not for Odoo 18.0",
    ),
    ("broken/bad-xml", "sample_torn", "torn.xml:3, somewhere inside"),
    ("main", "sample_nowhere", "no such module: sample_nowhere"),
];

/// Queues all of them at once and judges each.
pub(super) async fn run_broken(bench: &Bench) {
    let mut queued = Vec::new();
    for (branch, module, message) in BROKEN {
        queued.push((bench.enqueue("odoo-test", branch, modules(&[module])).await, message));
    }
    for (run_id, message) in queued {
        bench.ended(run_id).await.assert_failed("user", message);
    }
}

/// What the green addons must come to.
pub(super) fn assert_green(ended: &Ended) {
    let result = ended.result();
    assert_eq!(
        (&result["tests"], &result["failed"], &result["errors"]),
        (&json!(9), &json!(0), &json!(0)),
        "{result}"
    );
    assert_eq!(result["skipped"], 1);
    let names: Vec<&Value> =
        result["modules"].as_array().expect("modules").iter().map(|module| &module["name"]).collect();
    assert_eq!(names, ["sample_ini", "sample_labels", "sample_notes"]);
}
