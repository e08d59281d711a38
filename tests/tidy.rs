//! The doors of the house: who may import whom, who may name a foreign crate, how long a file may be.
//! Reads the sources as text, so that a wrong import fails here even where it would compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which room may use which: `docs/architecture.md` says why.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "config",
            "telemetry",
            "contract",
            "runner",
            "workflow",
            "odoo",
            "action",
            "container",
            "store",
            "git",
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
    ("tokio_postgres", &["contract/", "action/odoo_db"]),
    ("deadpool", &["contract/"]),
    ("refinery", &["contract/"]),
    ("\"ops.", &["contract/"]),
    ("bollard", &["container/"]),
    ("aws_sdk", &["store/"]),
    ("aws_config", &["store/"]),
    ("aws_smithy", &["store/"]),
    ("axum", &["server/"]),
    ("sd_notify", &["server/"]),
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
            if used != room
                && ROOMS.iter().any(|(name, _)| *name == used)
                && !allowed.contains(&used.as_str())
            {
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
            (
                folder.parent().expect("tests"),
                folder.file_name().expect("a name").to_string_lossy().into_owned(),
            )
        } else {
            (
                path.parent().expect("a folder"),
                path.file_stem().expect("a name").to_string_lossy().into_owned(),
            )
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

/// What somebody may call needs a test file of its own; a function that only other functions call is
/// judged by their tests.
#[test]
fn every_sql_function_that_is_granted_has_a_test_of_its_own() {
    let root = root();
    let tested: BTreeSet<String> = files_below(&root.join("tests/contract"), "rs")
        .iter()
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let grants: String = files_below(&root.join("sql/grants"), "sql").iter().map(|path| text(path)).collect();
    let granted: BTreeSet<&str> = grants
        .split("grant execute on function")
        .skip(1)
        .filter_map(|statement| statement.split(" to ").next()?.split("\nto ").next())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().strip_prefix("ops."))
        .collect();
    assert!(granted.len() > 30, "the grants could not be read: {granted:?}");
    let untested: Vec<_> = granted
        .iter()
        .filter(|name| !tested.contains(**name) && !POLICY_FUNCTIONS.contains(*name))
        .map(|name| format!("ops.{name}: tests/contract/{name}.rs is missing"))
        .collect();
    assert!(untested.is_empty(), "\n{}", untested.join("\n"));
}

/// Granted because policies and views call them; tested with these, in `access.rs`.
const POLICY_FUNCTIONS: &[&str] = &["my_project_ids", "is_operator", "clock"];

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

/// Every link between our own documents leads to a file that is there.
#[test]
fn links_between_documents_lead_somewhere() {
    let root = root();
    let mut documents = files_below(&root.join("docs"), "md");
    documents.extend(files_below(&root.join("sql"), "md"));
    documents.extend(files_below(&root.join("tests"), "md"));
    documents.extend(files_below(&root.join("deploy"), "md"));
    documents.push(root.join("README.md"));
    let mut dead = Vec::new();
    for document in documents {
        for target in text(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.contains(' ') {
                continue;
            }
            if !document.parent().expect("a folder").join(path).exists() {
                dead.push(format!("{}: {target}", document.strip_prefix(&root).expect("below").display()));
            }
        }
    }
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

/// Every file that the map of the house names is where the map says.
#[test]
fn the_map_of_the_house_is_true() {
    let root = root();
    let map = text(&root.join("docs/architecture.md"));
    let lost: Vec<_> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('/') && !name.contains(['{', '<', ' ', '*']) && !name.starts_with('/'))
        .filter(|name| !root.join(name).exists() && !root.join("worker/src").join(name).exists())
        .collect();
    assert!(lost.is_empty(), "docs/architecture.md names what is not there: {lost:?}");
}

/// What may be called by hand says how, and does nothing else then.
#[test]
fn every_script_says_how_it_is_used() {
    let root = root();
    let mut scripts = vec![root.join("deploy/make-env")];
    for folder in ["scripts", "scripts/dev", "scripts/odooops"] {
        let entries =
            fs::read_dir(root.join(folder)).expect("a folder").map(|entry| entry.expect("a file").path());
        scripts.extend(entries.filter(|path| {
            path.metadata().is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
        }));
    }
    assert!(scripts.len() > 10, "{scripts:?}");
    for script in scripts {
        let told = Command::new(&script).arg("--help").stdin(Stdio::null()).output().expect("a script");
        let text = String::from_utf8_lossy(&told.stdout).to_lowercase();
        let well = told.status.success() && text.contains("usage") && told.stderr.is_empty();
        assert!(well, "{} --help: {told:?}", script.display());
    }
}
