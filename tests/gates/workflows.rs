//! The workflows that GitHub runs: few rights, pinned actions, and the gates as jobs of their own.

use std::collections::BTreeMap;

use crate::support::shell::repository;

const GATES: [(&str, &str); 4] = [
    ("docs", "scripts/validate_docs.sh"),
    ("prisma", "scripts/validate_prisma.sh"),
    ("schema", "scripts/validate_schema.sh"),
    ("spec-kit", "scripts/validate_spec_kit_odooops.sh"),
];

fn text(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).expect("a file of the repository")
}

/// The lines of each job.
fn jobs(workflow: &str) -> BTreeMap<String, Vec<String>> {
    let (_, below) = workflow.split_once("\njobs:\n").expect("jobs");
    let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in below.lines() {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(job) if !job.starts_with(' ') => name = job.to_owned(),
            _ => jobs.entry(name.clone()).or_default().push(line.trim().to_owned()),
        }
    }
    jobs
}

#[test]
fn the_spec_gates_are_four_jobs_that_call_one_script_each() {
    let jobs = jobs(&text(".github/workflows/odooops-sh-spec-gates.yml"));
    assert_eq!(jobs.keys().map(String::as_str).collect::<Vec<_>>(), GATES.map(|(name, _)| name));
    for (name, script) in GATES {
        let called: Vec<&String> = jobs[name].iter().filter(|line| line.contains("scripts/")).collect();
        assert_eq!(called, [&format!("run: {script}")], "{name}");
    }
}

#[test]
fn the_check_consists_of_the_same_scripts() {
    let check = text("scripts/check");
    for (_, script) in GATES {
        assert!(check.lines().any(|line| line == script), "scripts/check does not call {script}");
    }
}

#[test]
fn workflows_have_no_rights_but_reading_and_their_actions_are_pinned() {
    let mut workflows = 0;
    for entry in std::fs::read_dir(repository().join(".github/workflows")).expect("workflows") {
        let path = entry.expect("an entry").path();
        let workflow = std::fs::read_to_string(&path).expect("a workflow");
        workflows += 1;
        assert!(workflow.lines().any(|line| line == "permissions: {}"), "{}", path.display());
        assert!(!workflow.contains(": write"), "{}", path.display());
        for (name, lines) in jobs(&workflow) {
            let given = lines.iter().skip_while(|line| *line != "permissions:").nth(1);
            assert_eq!(given.map(String::as_str), Some("contents: read"), "{}: {name}", path.display());
            for action in lines.iter().filter_map(|line| line.trim_start_matches("- ").strip_prefix("uses: "))
            {
                let pin = action.split(' ').next().and_then(|action| action.split_once('@'));
                let is_pinned = pin.is_some_and(|(_, pin)| {
                    pin.len() == 40 && pin.chars().all(|letter| letter.is_ascii_hexdigit())
                });
                assert!(is_pinned, "{}: {name} uses {action}", path.display());
            }
        }
    }
    assert!(workflows >= 2);
}

#[test]
fn ci_names_its_toolchain_before_it_is_used() {
    let ci = text(".github/workflows/ci.yml");
    let selected = ci.find("rustup default").expect("a toolchain is selected");
    assert!(selected < ci.find("./scripts/test").expect("the tests"), "after its use");
}
