//! Help, version, wrong usage.

use clap::CommandFactory as _;
use odooops::cli::Cli;

use super::program::Program;

/// Every command that has a help of its own.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["migrate"],
    &["worker"],
    &["worker", "list"],
    &["worker", "drain"],
    &["worker", "health"],
    &["run"],
    &["run", "enqueue"],
    &["run", "list"],
    &["run", "show"],
    &["run", "logs"],
    &["run", "cancel"],
    &["run", "retry"],
    &["run", "why"],
    &["artifact"],
    &["artifact", "list"],
    &["artifact", "get"],
    &["artifact", "url"],
    &["workflow"],
    &["workflow", "put"],
    &["workflow", "list"],
    &["workflow", "show"],
    &["workflow", "check"],
    &["project"],
    &["project", "create"],
    &["project", "list"],
    &["schema"],
    &["schema", "export"],
    &["config"],
    &["config", "show"],
    &["config", "example"],
    &["completions"],
];

#[tokio::test]
async fn every_command_explains_itself() {
    for command in COMMANDS {
        let arguments = [command, &["--help"][..]].concat();
        let help = Program::new(&arguments).run().await.done();
        assert!(help.contains("Usage: odooops"), "{arguments:?}: {help}");
    }
}

#[test]
fn the_list_of_commands_is_that_of_the_program() {
    fn walk(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            walk(inner, &[path, &[inner.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), &[], &mut found);
    let mut listed: Vec<Vec<String>> =
        COMMANDS.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect();
    found.sort();
    listed.sort();
    assert_eq!(listed, found);
}

#[tokio::test]
async fn help_lists_the_exit_codes() {
    let help = Program::new(&["--help"]).run().await.done();
    for code in
        ["0 done", "1 the run failed", "2 wrong usage", "3 infrastructure", "4 canceled", "5 timed out"]
    {
        assert!(help.contains(code), "{code}");
    }
}

#[tokio::test]
async fn help_shows_no_value_of_a_variable_that_may_hold_a_password() {
    let secret = "postgres://someone:hunter22@db.example/ops";
    for command in [&["worker", "--help"][..], &["run", "list", "--help"]] {
        let ended = Program::new(command)
            .env("DATABASE_URL", secret)
            .env("ODOOOPS_WORKER_DATABASE_URL", secret)
            .env("ODOOOPS_ODOO_DATABASE_URL", secret)
            .run()
            .await;
        assert!(!ended.done().contains("hunter22"));
    }
}

#[tokio::test]
async fn version_is_one_line() {
    let version = Program::new(&["--version"]).run().await.done();
    let commit = version
        .trim_end()
        .strip_prefix(concat!("odooops ", env!("CARGO_PKG_VERSION"), " (commit "))
        .and_then(|rest| rest.strip_suffix(", contract 1)"))
        .unwrap_or_else(|| panic!("{version}"));
    let digits = commit.trim_end_matches("-dirty");
    let is_hash = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hash || digits == "unknown", "{version}");
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    for (arguments, said) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["run", "enqueue", "shop"], "<WORKFLOW>"),
        (&["run", "list", "--status", "sleeping"], "possible values: queued, claimed, running"),
        (&["run", "list", "--limit", "0"], "--limit"),
        (&["run", "show", "not-a-run"], "PROJECT#NUMBER"),
        (&["run", "enqueue", "shop", "build", "--input", "modules"], "KEY=TEXT"),
        (&["run", "enqueue", "shop", "build", "--input", "n:=three"], "no JSON"),
        (&["run", "enqueue", "shop", "build", "--not-before", "soon"], "--not-before"),
        (&["worker", "--slots", "0"], "--slots"),
        (&["worker", "--slots", "2", "list"], "list"),
        (&["artifact", "url", "shop#1", "x", "--expires-secs", "99999999"], "--expires-secs"),
        (&["run", "list", "--log", "odooops=loud"], "odooops=loud"),
    ] {
        Program::new(arguments).run().await.refused(2, &[said]);
    }
}

#[tokio::test]
async fn without_any_command_the_help_is_shown_as_wrong_usage() {
    Program::new(&[]).run().await.refused(2, &["Usage: odooops", "run", "worker"]);
}
