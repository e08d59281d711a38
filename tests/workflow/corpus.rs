//! The worker reads every good definition and says of every bad one what is wrong and where.

use std::fmt::Write as _;

use odooops::workflow::{BuiltIn, Command, Network, StepRun, parse};
use serde_json::Value;

use super::definitions;

#[test]
fn every_good_definition_is_read() {
    for sample in definitions::good() {
        let workflow =
            parse(&sample.definition).unwrap_or_else(|problem| panic!("{}: {problem}", sample.name));
        let written = sample.definition["steps"].as_array().expect("steps").len();
        assert_eq!(workflow.steps.len(), written, "{}", sample.name);
    }
}

#[test]
fn every_bad_definition_is_refused_with_the_path_of_what_is_wrong() {
    let mut said = String::new();
    for sample in definitions::bad() {
        match parse(&sample.definition) {
            Ok(_) => writeln!(said, "{} is taken for good", sample.name).expect("write to a string"),
            Err(problem) => writeln!(said, "{} {problem}", sample.name).expect("write to a string"),
        }
    }
    let expected = definitions::expected_problems();
    for (said, expected) in said.lines().zip(expected.lines()) {
        assert_eq!(said, expected);
    }
    assert_eq!(said.lines().count(), expected.lines().count(), "problems.txt names other files\n{said}");
}

#[test]
fn what_a_definition_says_is_what_the_worker_gets() {
    let all = definitions::good();
    let sample = all.iter().find(|sample| sample.name == "everything-at-once").expect("it is in the corpus");
    let workflow = parse(&sample.definition).expect("it is good");
    assert_eq!((workflow.timeout_secs, workflow.retry.user), (Some(604_800), 10));
    assert_eq!(workflow.env["LANG"], "C.UTF-8");

    let step = &workflow.steps[0];
    let StepRun::Container { image, command: Command::Argv(argv) } = &step.run else { panic!("{step:?}") };
    assert!(image.starts_with("registry.example.com:5000/team/tool_x:1.2@sha256:"));
    assert_eq!(argv[..3], ["make", "", "-j2"]);
    assert_eq!(step.secrets, ["A", "B_2"]);
    assert_eq!((step.services[0].name.as_str(), step.services[0].limits.memory_mb), ("db", Some(6)));
    assert_eq!(step.services[1].command, None);
    assert_eq!((step.limits.cpus, step.limits.pids), (Some(0.01), Some(1)));
    let networks: Vec<_> = workflow.steps.iter().map(|step| step.network.clone()).collect();
    assert_eq!(networks, [Network::Run, Network::None, Network::Named("customer_net-1.a".to_owned())]);
}

#[test]
fn arguments_of_a_built_in_step_are_handed_on_as_written() {
    let all = definitions::good();
    let sample =
        all.iter().find(|sample| sample.name == "built-in-with-everything").expect("it is in the corpus");
    let workflow = parse(&sample.definition).expect("it is good");
    assert_eq!(workflow.steps[0].run, StepRun::Action { uses: BuiltIn::OdooTest });
    assert_eq!(Value::Object(workflow.steps[0].with.clone()), sample.definition["steps"][0]["with"]);
}

#[test]
fn every_key_of_the_format_is_documented_with_an_example() {
    let examples: Vec<Value> =
        definitions::documented().into_iter().map(|sample| sample.definition).collect();
    let text = Value::from(examples).to_string();
    for key in [
        "steps",
        "env",
        "timeout_secs",
        "concurrency_key",
        "retry",
        "supersede",
        "name",
        "image",
        "uses",
        "command",
        "shell",
        "with",
        "secrets",
        "services",
        "artifacts",
        "limits",
        "network",
        "when",
        "repo_url",
        "modules",
        "test_tags",
        "database",
        "demo",
        "cpus",
        "memory_mb",
        "pids",
        "user",
    ] {
        assert!(text.contains(&format!("\"{key}\":")), "no example in docs/workflow-format.md has {key}");
    }
}
