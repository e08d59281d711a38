//! What Odoo is seen to do, one case each.

use super::{AskedModule, Ended, Evidence, ModuleState, Reason, TestsAsked, Verdict, judge};
use crate::odoo::log::{LogFacts, TestSummary};

/// A run in which all went well; each test spoils one thing.
struct Run {
    ended: Ended,
    log: LogFacts,
    states: Option<Vec<ModuleState>>,
    tests: TestsAsked,
}

fn state(name: &str, state: &str, version: Option<&str>) -> ModuleState {
    ModuleState { name: name.into(), state: state.into(), version: version.map(str::to_owned) }
}

fn good_run() -> Run {
    Run {
        ended: Ended::Exited(0),
        log: LogFacts {
            modules_loaded: true,
            shut_down: true,
            summary: Some(TestSummary { failed: 0, errors: 0, tests: 3 }),
            ..LogFacts::default()
        },
        states: Some(vec![
            state("base", "installed", Some("18.0.1.3")),
            state("own", "installed", Some("18.0.1.0")),
            state("other", "uninstalled", None),
        ]),
        tests: TestsAsked::Yes,
    }
}

fn verdict(run: &Run) -> Verdict {
    let asked = [
        AskedModule { name: "own".into(), version: Some("18.0.1.0".into()) },
        AskedModule { name: "base".into(), version: None },
    ];
    judge(&Evidence {
        ended: run.ended,
        log: &run.log,
        states: run.states.as_deref(),
        asked: &asked,
        tests: run.tests,
    })
}

fn reason(spoil: impl FnOnce(&mut Run)) -> Reason {
    let mut run = good_run();
    spoil(&mut run);
    match verdict(&run) {
        Verdict::Red(reason) => reason,
        other @ (Verdict::Green | Verdict::GreenWithWarnings(_)) => panic!("not red: {other:?}"),
    }
}

#[test]
fn a_good_run_is_green() {
    assert_eq!(verdict(&good_run()), Verdict::Green);
}

#[test]
fn warnings_are_told_and_do_not_fail() {
    let mut run = good_run();
    run.log.warnings = 2;
    assert_eq!(verdict(&run), Verdict::GreenWithWarnings(2));
}

#[test]
fn without_tests_no_summary_is_needed() {
    let mut run = good_run();
    run.tests = TestsAsked::No;
    run.log.summary = None;
    assert_eq!(verdict(&run), Verdict::Green);
}

#[test]
fn tests_that_were_all_skipped_are_red() {
    assert_eq!(reason(|run| run.log.skipped = 3), Reason::AllSkipped(3));
    assert_eq!(Reason::AllSkipped(3).to_string(), "no test ran: all 3 were skipped");
    let mut run = good_run();
    run.log.skipped = 2;
    run.log.skipped_set_ups = 3;
    assert_eq!(verdict(&run), Verdict::Green);
}

#[test]
fn failing_tests_are_red_though_the_modules_are_installed() {
    let summary = TestSummary { failed: 3, errors: 2, tests: 4 };
    let reason = reason(|run| {
        run.ended = Ended::Exited(1);
        run.log.summary = Some(summary);
        run.log.errors = 7;
        run.log.modules_loaded = false;
        run.log.failing_tests = ["own A.a", "own A.b", "own A.c", "own A.d"].map(str::to_owned).to_vec();
    });
    assert_eq!(reason.to_string(), "3 failed, 2 error(s) of 4 tests: own A.a, own A.b, own A.c, …");
    assert!(matches!(reason, Reason::TestsFailed(seen, _) if seen == summary));
}

#[test]
fn failing_tests_are_red_even_with_exit_code_0() {
    let reason = reason(|run| run.log.summary = Some(TestSummary { failed: 0, errors: 1, tests: 1 }));
    assert!(matches!(reason, Reason::TestsFailed(..)));
}

#[test]
fn a_database_that_did_not_load_is_red_with_its_exception() {
    let reason = reason(|run| {
        run.ended = Ended::Exited(255);
        run.log.failed_to_initialize = true;
        run.log.last_exception = Some("ModuleNotFoundError: No module named 'x'".into());
        run.log.summary = None;
        run.log.modules_loaded = false;
    });
    assert_eq!(reason.to_string(), "the modules did not load: ModuleNotFoundError: No module named 'x'");
}

#[test]
fn an_unknown_module_is_red_though_odoo_exits_0() {
    let reason = reason(|run| {
        run.log.unknown_modules = vec!["nope".into()];
        run.log.warnings = 1;
    });
    assert_eq!(reason.to_string(), "no such module: nope (Odoo ignores unknown names)");
}

#[test]
fn a_module_missing_on_disk_is_red_though_odoo_exits_0() {
    let reason = reason(|run| {
        run.log.errors = 1;
        run.log.first_errors = vec!["Some modules have inconsistent states".into()];
        run.states = Some(vec![state("own", "to upgrade", Some("18.0.1.0"))]);
    });
    assert_eq!(reason.to_string(), "1 error(s) in the log: Some modules have inconsistent states");
}

#[test]
fn a_module_that_was_never_installed_is_red_though_odoo_exits_0() {
    let reason = reason(|run| {
        run.states = Some(vec![state("base", "installed", None), state("own", "uninstalled", None)]);
    });
    assert_eq!(reason, Reason::NotInstalled(vec![("own".into(), "uninstalled".into())]));
    assert_eq!(reason.to_string(), "not installed: own is uninstalled");
}

#[test]
fn tags_that_select_nothing_are_red_though_odoo_exits_0() {
    let reason = reason(|run| run.log.summary = Some(TestSummary::default()));
    assert_eq!(reason, Reason::NoTestsRan);
}

#[test]
fn tests_without_a_summary_are_red() {
    assert_eq!(reason(|run| run.log.summary = None), Reason::NoTestSummary);
}

#[test]
fn a_passing_test_that_logs_an_error_is_red_though_odoo_exits_0() {
    let reason = reason(|run| {
        run.log.errors = 1;
        run.log.first_errors = vec!["the oven is on fire".into()];
    });
    assert_eq!(reason.to_string(), "1 error(s) in the log: the oven is on fire");
}

#[test]
fn a_bare_traceback_is_red() {
    let reason = reason(|run| {
        run.log.tracebacks = 1;
        run.log.last_exception = Some("KeyError: 'x'".into());
    });
    assert_eq!(reason, Reason::ErrorsLogged(1, "KeyError: 'x'".into()));
}

#[test]
fn a_stopped_install_is_red_whatever_else_was_said() {
    assert_eq!(reason(|run| run.ended = Ended::Exited(130)), Reason::Interrupted(130));
    assert_eq!(reason(|run| run.ended = Ended::Exited(137)), Reason::Interrupted(137));
    assert_eq!(reason(|run| run.ended = Ended::OutOfMemory), Reason::OutOfMemory);
}

#[test]
fn a_stop_while_idle_leaves_no_modules_loaded_and_is_red() {
    let reason = reason(|run| run.log.modules_loaded = false);
    assert_eq!(reason, Reason::NotFinished("Modules loaded."));
}

#[test]
fn a_log_without_the_shutdown_line_is_red() {
    assert_eq!(reason(|run| run.log.shut_down = false), Reason::NotFinished("Initiating shutdown"));
}

#[test]
fn wrong_options_are_red_with_what_odoo_said() {
    let reason = reason(|run| {
        run.ended = Ended::Exited(2);
        run.log = LogFacts {
            last_bare_line: Some("odoo server: error: no such option: --x".into()),
            ..LogFacts::default()
        };
    });
    assert_eq!(reason.to_string(), "Odoo refused its options: odoo server: error: no such option: --x");
}

#[test]
fn an_unreachable_database_is_red_with_what_was_said() {
    let reason = reason(|run| {
        run.ended = Ended::Exited(1);
        run.log = LogFacts {
            last_bare_line: Some("Database connection failure: no route".into()),
            ..LogFacts::default()
        };
    });
    assert_eq!(reason.to_string(), "Odoo exited with code 1: Database connection failure: no route");
}

#[test]
fn another_version_than_the_manifests_is_red() {
    let reason = reason(|run| {
        run.states =
            Some(vec![state("base", "installed", None), state("own", "installed", Some("18.0.0.9"))]);
    });
    assert_eq!(
        reason.to_string(),
        "module own is installed at version \"18.0.0.9\", its manifest says 18.0.1.0"
    );
}

#[test]
fn modules_left_half_way_are_red() {
    let reason = reason(|run| {
        run.states.as_mut().expect("states").push(state("third", "to install", None));
    });
    assert_eq!(reason.to_string(), "modules were left half-way: third (to install)");
}

#[test]
fn a_database_without_module_states_is_red() {
    assert_eq!(reason(|run| run.states = None), Reason::NoModuleStates);
}
