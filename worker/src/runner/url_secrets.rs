//! Passwords that come with a run and not with the worker: those in its repository's URL, which a step sees as
//! part of its input.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::contract::ClaimedRun;

use super::redact::{MIN_SECRET_BYTES, url_passwords};

/// Name and value of each. One below [`MIN_SECRET_BYTES`] is passed over: it cannot be told from innocent text.
pub(super) fn url_secrets(run: &ClaimedRun) -> Vec<(String, SecretString)> {
    let steps = run.definition.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let holders =
        [&run.input, &run.project_settings].into_iter().chain(steps.iter().filter_map(|s| s.get("with")));
    holders
        .filter_map(|holder| holder.get("repo_url")?.as_str())
        .chain(run.repo_url.as_deref())
        .flat_map(url_passwords)
        .filter(|password| password.expose_secret().len() >= MIN_SECRET_BYTES)
        .map(|password| ("the password in repo_url".to_owned(), password))
        .collect()
}
