//! The workflows of GitHub: what they may, and whom they trust.

use std::fs;

use crate::support::shell::repository;

/// Digits of a commit's SHA.
const SHA_DIGITS: usize = 40;

fn workflows() -> Vec<(String, String)> {
    let folder = repository().join(".github/workflows");
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).expect("a workflow");
        (entry.file_name().to_string_lossy().into_owned(), text)
    };
    let found: Vec<_> =
        fs::read_dir(folder).expect("workflows").map(|entry| read(entry.expect("a file"))).collect();
    assert!(found.iter().any(|(name, _)| name == "ci.yml"), "{found:?}");
    found
}

#[test]
fn workflows_are_given_nothing_they_do_not_name() {
    for (name, text) in workflows() {
        assert!(text.lines().any(|line| line == "permissions: {}"), "{name}: permissions: {{}} at the top");
        assert!(!text.contains(": write"), "{name}: nothing is to be written");
    }
}

#[test]
fn actions_of_others_are_pinned_by_their_commit() {
    for (name, text) in workflows() {
        for line in text.lines() {
            let Some((_, action)) = line.split_once("uses:") else { continue };
            let action = action.split('#').next().unwrap_or_default().trim();
            let commit = action.split_once('@').map_or("", |(_, commit)| commit);
            let pinned = commit.len() == SHA_DIGITS && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(pinned || action.starts_with("./"), "{name}: {action} is not pinned by a commit");
        }
    }
}

#[test]
fn ci_names_its_toolchain() {
    let (_, text) = workflows().into_iter().find(|(name, _)| name == "ci.yml").expect("ci.yml");
    let selected = text.find("rustup default").expect("a toolchain is selected");
    assert!(selected < text.find("./scripts/test").expect("the tests"), "before it is used");
}
