//! The document's lines of supabase-js, run by Node; its `fetch` writes down what it would send.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::document::Example;
use crate::support::shell::{command, ended};

/// Installing from npm may take its time on a slow network.
const LIMIT: Duration = Duration::from_secs(300);

/// What supabase-js handed to `fetch`.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    pub(super) method: String,
    /// Decoded, without the path that Supabase puts before PostgREST's.
    path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
}

impl Sent {
    pub(super) fn target(&self) -> &str {
        &self.path
    }
}

/// The requests of the examples, in their order.
pub(super) async fn requests(examples: &[Example], names: &BTreeMap<String, Value>) -> Vec<Sent> {
    let lines: Vec<&str> = examples.iter().map(|example| example.js.trim()).collect();
    let input = json!({ "names": names, "lines": lines }).to_string();
    let mut script = command("tests/fixtures/supabase/requests.sh");
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the script can be run");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).await.expect("the script reads");
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    let ended = ended(output.expect("it must not hang").expect("output"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("a list of requests")
}
