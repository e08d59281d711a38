//! The doors of the house: who may import whom, who may name a foreign crate, how long a file may be.
//! Reads the sources as text, so that a wrong import fails here even where it would compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which room may use which: `docs/architecture.md` says why.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "config", "telemetry", "contract", "runner", "workflow", "odoo", "action", "container", "store", "git",
            "server",
        ],
    ),
    ("server", &["runner"]),
    ("runner", &["contract", "workflow", "action", "container", "store", "git"]),
    ("action", &["workflow", "odoo", "container", "store", "git"]),
    ("contract", &[]),
    ("workflow", &[]),
    ("odoo", &[]),
    ("container", &[]),
    ("store", &[]),
    ("git", &[]),
    ("config", &[]),
    ("telemetry", &[]),
];

/// Which foreign name may stand in which room only.
const DOORS: &[(&str, &[&str])] = &[
    ("tokio_postgres", &["contract/", "action/odoo_db.rs"]),
    ("deadpool", &["contract/"]),
    ("refinery", &["contract/"]),
    ("\"ops.", &["contract/"]),
    ("bollard", &["container/"]),
    ("aws_", &["store/"]),
    ("axum", &["server/"]),
    ("env::var", &["config.rs", "config/"]),
    ("process::exit", &["main.rs"]),
];

const LONGEST_FILE_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace").to_path_buf()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file without its comments, so that prose may name anything.
fn code(path: &Path) -> String {
    text(path)
        .lines()
        .map(|line| match line.find("//") {
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn room_of(inside: &str) -> &str {
    inside.split('/').next().map_or(inside, |first| first.trim_end_matches(".rs"))
}

#[test]
fn rooms_import_only_what_the_plan_allows() {
    let src = root().join("worker/src");
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in files_below(&src, "rs") {
        let inside = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        let room = room_of(&inside);
        if matches!(room, "main" | "lib") {
            continue;
        }
        let Some(allowed) = allowed.get(room) else {
            wrong.push(format!("{inside}: the room {room} is not in the plan (tests/tidy.rs)"));
            continue;
        };
        for used in code(&path).split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if used != room && ROOMS.iter().any(|(name, _)| *name == used) && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{inside}: {room} may not use {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let src = root().join("worker/src");
    let mut wrong = Vec::new();
    for path in files_below(&src, "rs") {
        let inside = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        let code = code(&path);
        for (name, rooms) in DOORS {
            if code.contains(name) && !rooms.iter().any(|room| inside.starts_with(room)) {
                wrong.push(format!("{inside}: `{name}` belongs to {rooms:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let root = root();
    let mut long = Vec::new();
    for (folder, extension) in
        [("worker/src", "rs"), ("tests", "rs"), ("tests", "py"), ("sql", "sql"), ("migrations", "sql")]
    {
        for path in files_below(&root.join(folder), extension) {
            let lines = text(&path).lines().count();
            if lines > LONGEST_FILE_LINES {
                long.push(format!("{}: {lines} lines", path.strip_prefix(&root).expect("below").display()));
            }
        }
    }
    assert!(long.is_empty(), "longer than {LONGEST_FILE_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn every_test_file_is_part_of_the_binary() {
    let tests = root().join("tests");
    let mut lost = Vec::new();
    for path in files_below(&tests, "rs") {
        let inside = path.strip_prefix(&tests).expect("below tests");
        if inside.starts_with("fixtures") || inside == Path::new("main.rs") {
            continue;
        }
        let (folder, name) = if path.ends_with("mod.rs") {
            let folder = path.parent().expect("a folder");
            (folder.parent().expect("tests"), folder.file_name().expect("a name").to_string_lossy().into_owned())
        } else {
            (path.parent().expect("a folder"), path.file_stem().expect("a name").to_string_lossy().into_owned())
        };
        let list = if folder == tests { folder.join("main.rs") } else { folder.join("mod.rs") };
        let declared = list.exists()
            && text(&list).lines().any(|line| {
                let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
                line == format!("mod {name};")
            });
        if !declared {
            lost.push(inside.display().to_string());
        }
    }
    assert!(lost.is_empty(), "not declared in any mod line: {lost:?}");
}

/// Functions whose tests stand together under another name.
const TESTED_IN: &[(&str, &str)] = &[
    ("actor", "access"),
    ("add_dependencies", "enqueue_run"),
    ("admit_run", "limits"),
    ("admit_runs", "insert"),
    ("apply_project_limit", "put_project"),
    ("apply_project_pause", "pause_project"),
    ("attempt_of_token", "record_step"),
    ("caller", "access"),
    ("caller_user_id", "access"),
    ("check_log_lines", "append_run_logs"),
    ("clock", "reap_lost_runs"),
    ("completed_before", "complete_workflow_run"),
    ("completion_reason", "complete_workflow_run"),
    ("definition_env_problem", "workflow_definition_problem"),
    ("definition_key_path", "workflow_definition_problem"),
    ("definition_list_problem", "workflow_definition_problem"),
    ("definition_number_problem", "workflow_definition_problem"),
    ("definition_object_problem", "workflow_definition_problem"),
    ("definition_step_problem", "workflow_definition_problem"),
    ("definition_text_problem", "workflow_definition_problem"),
    ("definition_value_problem", "workflow_definition_problem"),
    ("end_attempt", "reap_lost_runs"),
    ("enter_worker", "claim_next_run"),
    ("find_project", "put_project"),
    ("find_workflow", "enqueue_run"),
    ("free_stray_runs", "limits"),
    ("intern_labels", "enqueue_run"),
    ("is_member", "access"),
    ("is_operator", "access"),
    ("is_timestamp", "enqueue_run"),
    ("lock_limits", "limits"),
    ("make_project_sequences", "insert"),
    ("may_retry_user_failure", "complete_workflow_run"),
    ("missing_worker", "explain_wait"),
    ("my_project_ids", "access"),
    ("prepare_run", "insert"),
    ("project_row", "put_project"),
    ("promote_runs", "limits"),
    ("read_run_options", "enqueue_run"),
    ("ready_due_runs", "reap_lost_runs"),
    ("refuse_claim", "complete_workflow_run"),
    ("refuse_event_change", "states"),
    ("repeated_log_lines", "append_run_logs"),
    ("require_lease_secs", "claim_next_run"),
    ("require_member", "access"),
    ("require_operator", "access"),
    ("require_run_member", "access"),
    ("retry_delay", "complete_workflow_run"),
    ("run_of_idempotency_key", "enqueue_run"),
    ("run_row", "enqueue_run"),
    ("set_aside_paused", "pause_project"),
    ("settle_dependents", "enqueue_run"),
    ("sorted_labels", "register_worker"),
    ("started_before", "start_workflow_run"),
    ("store_workflow", "put_workflow"),
    ("try_lock_limits", "limits"),
    ("uuid_v7_floor", "uuid_v7"),
];

#[test]
fn every_sql_function_has_a_test_of_its_own() {
    let root = root();
    let tested: BTreeSet<String> = files_below(&root.join("tests/contract"), "rs")
        .iter()
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let by_another_name: BTreeMap<_, _> = TESTED_IN.iter().copied().collect();
    let mut untested = Vec::new();
    for path in files_below(&root.join("sql"), "sql") {
        let folder = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
        if ["sql", "views", "triggers", "policies", "grants", "seed"].contains(&folder.as_str()) {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let test = by_another_name.get(name.as_str()).map_or(name.clone(), |test| (*test).to_owned());
        if !tested.contains(&test) {
            untested.push(format!("sql/{folder}/{name}.sql: tests/contract/{test}.rs is missing"));
        }
    }
    assert!(untested.is_empty(), "\n{}", untested.join("\n"));
}

#[test]
fn sql_functions_live_in_a_file_of_their_name() {
    for path in files_below(&root().join("sql"), "sql") {
        let sql = text(&path);
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for line in sql.lines().map(str::trim_start).filter(|line| !line.starts_with("--")) {
            let line = line.to_ascii_lowercase();
            let Some(rest) = line
                .strip_prefix("create or replace function ops.")
                .or_else(|| line.strip_prefix("create function ops."))
            else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            assert_eq!(name, stem, "{} creates ops.{name}", path.display());
        }
    }
}
