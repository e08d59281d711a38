//! The corpus of definitions that the worker and the database must judge alike.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A definition of the corpus and where it stands.
#[derive(Debug)]
pub(crate) struct Sample {
    /// File name without its ending, or the place in the documentation.
    pub(crate) name: String,
    /// The definition.
    pub(crate) definition: Value,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Definitions that are good: `tests/fixtures/definitions/good` and every example in the documentation.
pub(crate) fn good() -> Vec<Sample> {
    let mut samples = folder("good");
    samples.extend(documented());
    samples
}

/// Definitions that are bad, each in one way.
pub(crate) fn bad() -> Vec<Sample> {
    folder("bad")
}

/// What is to be said of the bad ones: a line `<file name> <path>: <problem>` for each.
pub(crate) fn expected_problems() -> String {
    fs::read_to_string(root().join("tests/fixtures/definitions/problems.txt")).expect("the expected problems")
}

fn folder(name: &str) -> Vec<Sample> {
    let folder = root().join("tests/fixtures/definitions").join(name);
    let mut samples: Vec<Sample> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let text = fs::read_to_string(&path).expect("a readable file");
            Sample {
                name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
                definition: serde_json::from_str(&text).expect("JSON"),
            }
        })
        .collect();
    samples.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!samples.is_empty(), "{} is empty", folder.display());
    samples
}

/// The JSON blocks of `docs/workflow-format.md`.
pub(crate) fn documented() -> Vec<Sample> {
    let text = fs::read_to_string(root().join("docs/workflow-format.md")).expect("the documentation");
    let blocks = text.split("```json\n").skip(1);
    blocks
        .enumerate()
        .map(|(index, rest)| {
            let block = rest.split("```").next().expect("split gives at least one piece");
            let name = format!("docs/workflow-format.md, example {}", index + 1);
            let definition = serde_json::from_str(block)
                .unwrap_or_else(|error| panic!("{name} is no JSON: {error}\n{block}"));
            Sample { name, definition }
        })
        .collect()
}
