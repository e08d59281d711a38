//! What a file may say, and what is said of it.

use std::fs::Permissions;

use clap::{CommandFactory, Parser, Subcommand};

use super::*;
use crate::config::{DatabaseConfig, StoreConfig, WorkerConfig};

#[derive(Parser)]
struct Sample {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    store: StoreConfig,
    #[command(subcommand)]
    command: SampleCommand,
}

#[derive(Subcommand)]
enum SampleCommand {
    Worker(Box<WorkerConfig>),
}

fn settings() -> Vec<Setting> {
    Setting::all(&Sample::command())
}

fn values(text: &str) -> BTreeMap<String, FileValue> {
    parse(text, &settings()).expect("a good file")
}

fn problems(text: &str) -> Vec<Problem> {
    parse(text, &settings()).expect_err("a wrong file")
}

#[track_caller]
fn says(text: &str, line: usize, parts: &[&str]) {
    let problems = problems(text);
    let [(found, what)] = problems.as_slice() else { panic!("one problem: {problems:?}") };
    assert_eq!(*found, line, "{what}");
    for part in parts {
        assert!(what.contains(part), "{part:?} is not in {what}");
    }
}

#[test]
fn values_of_every_kind_are_read_with_their_lines() {
    let values = values(
        "# ours\nstore_url = \"s3://bucket\"\n\n[worker]\nslots = 1_0\nlabels = ['big', \"gpu\"]\nwake_up = 'poll'\n",
    );
    let found: Vec<_> = values.iter().map(|(key, value)| (&**key, &*value.text, value.line)).collect();
    assert_eq!(
        found,
        [
            ("store_url", "s3://bucket", 2),
            ("worker.labels", "big,gpu", 6),
            ("worker.slots", "10", 5),
            ("worker.wake_up", "poll", 7)
        ]
    );
}

#[test]
fn a_text_stands_for_a_list_as_it_does_in_a_variable() {
    assert_eq!(values("worker.labels = 'big,gpu'")["worker.labels"].text, "big,gpu");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_known_one() {
    says("store_url = 's3://bucket'\nstore_ulr = 'x'", 2, &["unknown key store_ulr", "store_url"]);
    says("[worker]\nslot = 1", 2, &["unknown key worker.slot", "worker.slots"]);
    says("slots = 1", 1, &["unknown key slots", "worker.slots"]);
    says("[wroker]\nslots = 1", 1, &["unknown table wroker", "the nearest known one is worker"]);
    says("[worker.git]\nproxy = 'x'", 1, &["unknown table worker.git", "worker"]);
    says("[quux]\nslots = 1", 1, &["unknown table quux", "config show"]);
    says("quux = 1", 1, &["unknown key quux", "config show"]);
    says("worker = 1", 1, &["[worker]"]);
    says("worker.slots.n = 1", 1, &["worker.slots", "a table"]);
}

#[test]
fn a_wrong_value_is_told_in_claps_own_words_with_line_and_key() {
    says("[worker]\nslots = 0", 2, &["worker.slots", "0 is not in 1..=1000"]);
    says("worker.slots = 'many'", 1, &["worker.slots: invalid value 'many': "]);
    says("worker.slots = 1.5", 1, &["invalid value '1.5'"]);
    says("worker.wake_up = 'sometimes'", 1, &["possible values: listen, poll"]);
    says("worker.slots = [1]", 1, &["a list"]);
    says("worker.git_protocols = ['https', 'gopher']", 1, &["gopher", "https, http, ssh, file"]);
    says("worker.labels = ['a,b']", 1, &["separates elements"]);
    says("worker.labels = [['a']]", 1, &["a list"]);
    says("worker.id = 2026-11-25", 1, &["quotes"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let problems = problems("x = 1\nstore_url = 's3://bucket'\n[worker]\nslots = 0\nlease_secs = 1\n");
    let lines: Vec<usize> = problems.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 4, 5]);
}

#[test]
fn what_is_no_toml_names_its_line_and_repeats_nothing() {
    let problems = problems("store_url = 's3://bucket'\ndatabase_url = postgres://me:hunter22@db\n");
    assert!(problems[0].0 == 2 && problems[0].1.starts_with("is no TOML"), "{problems:?}");
    assert!(!format!("{problems:?}").contains("hunter22"), "{problems:?}");
    says("log = 1\nlog = 2", 2, &[]);
}

#[test]
fn a_file_with_a_secret_is_refused_while_everybody_may_read_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("odooops.toml");
    let outcome = |text: &str, mode| {
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        read(&path, &settings()).map(|opened| matches!(opened, Opened::Read(_)))
    };
    let secret = "\n[worker]\nworker_database_url = 'postgres://me:hunter22@db/x'\n";
    let problem = outcome(secret, 0o644).expect_err("readable by everybody").to_string();
    assert!(
        problem.contains("odooops.toml:3: worker.worker_database_url") && problem.contains("chmod o-rwx")
    );
    assert!(!problem.contains("hunter22"), "{problem}");
    assert_eq!(outcome(secret, 0o640), Ok(true));
    assert_eq!(outcome("database_url = 'postgres://me@db/x'", 0o644), Ok(true));
    assert_eq!(outcome("store_url = 's3://bucket'", 0o644), Ok(true));
}

#[test]
fn no_setting_is_required_by_clap_and_each_has_a_key_of_its_own() {
    let settings = settings();
    let mut keys: Vec<String> = settings.iter().map(Setting::key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), settings.len());
    assert!(settings.len() > 20, "{keys:?}");
}
