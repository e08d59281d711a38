//! Which files of `sql/older/` a database needs: they stand in for functions that it had, and nobody else gets them.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::Client;

use super::generation::Generation;
use super::names::Names;
use super::{Fate, Record, found};
use crate::contract::migrate::{MigrateError, Schema};

/// A function of ours that answers an older call.
struct Replacement {
    identity: &'static str,
    generation: Generation,
    file: &'static str,
}

const fn replaces(identity: &'static str, generation: Generation, file: &'static str) -> Replacement {
    Replacement { identity, generation, file }
}

const REPLACEMENTS: &[Replacement] = &[
    replaces("ops.cleanup_run_events(integer)", Generation::A1, "sql/older/a1/cleanup_run_events.sql"),
    replaces("ops.claim_run(uuid)", Generation::A2, "sql/older/a2/claim_run.sql"),
    replaces("ops.start_run(uuid)", Generation::A2, "sql/older/a2/start_run.sql"),
    replaces("ops.complete_run(uuid)", Generation::A2, "sql/older/a2/complete_run.sql"),
    replaces("ops.fail_run(uuid,text,text,jsonb)", Generation::A2, "sql/older/a2/fail_run.sql"),
    replaces("ops.requeue_stale_runs(integer)", Generation::A2, "sql/older/a2/requeue_stale_runs.sql"),
    replaces("ops.start_run(text,text,text,text,jsonb)", Generation::A3, "sql/older/a3/start_run.sql"),
    replaces("ops.log_event(uuid,text,text,jsonb)", Generation::A3, "sql/older/a3/log_event.sql"),
    replaces("ops.complete_run(uuid,jsonb)", Generation::A3, "sql/older/a3/complete_run.sql"),
    replaces("ops.fail_run(uuid,text,jsonb)", Generation::A3, "sql/older/a3/fail_run.sql"),
    replaces("ops.add_artifact(uuid,text,text,jsonb)", Generation::A3, "sql/older/a3/add_artifact.sql"),
];

/// The file whose function takes the place of this one, if there is one.
pub(super) fn replacement(identity: &str) -> Option<&'static str> {
    REPLACEMENTS.iter().find(|replacement| replacement.identity == identity).map(|found| found.file)
}

/// The schema with what this database needs of `sql/older/`.
pub(in crate::contract::migrate) async fn with_compatibility(
    client: &Client,
    schema: &Schema,
) -> Result<Schema, MigrateError> {
    let recorded = found::recorded(client).await?;
    Ok(schema.with_older(|path| is_needed(path, &recorded)))
}

/// Whether a database with these notes needs a file of `sql/older/`.
pub(super) fn is_needed(path: &str, recorded: &[Record]) -> bool {
    let adopted = |table: &str| {
        recorded
            .iter()
            .find(|r| r.kind == "table" && r.fate == Fate::Adopted && r.now.as_deref() == Some(table))
    };
    if let Some(replacement) = REPLACEMENTS.iter().find(|replacement| replacement.file == path) {
        let was_there = recorded
            .iter()
            .any(|r| r.kind == "function" && r.fate == Fate::Replaced && r.older == replacement.identity);
        let runs = adopted("ops.agent_runs").and_then(|runs| runs.generation);
        return was_there || runs == Some(replacement.generation);
    }
    match path.strip_prefix("sql/older/").and_then(|rest| rest.split('/').next()) {
        // Grants go to whatever of the functions is there.
        Some("grants.sql") => recorded.iter().any(|r| r.kind == "table" && r.fate == Fate::Adopted),
        Some("runs") => adopted("ops.agent_runs").is_some(),
        Some("events") => adopted("ops.agent_events").is_some(),
        Some("artifacts") => adopted("ops.agent_artifacts").is_some(),
        Some(_) | None => false,
    }
}

/// The file of `sql/older/` that makes an object of its catalog.
pub(super) fn file_of(object: &str) -> Option<&'static str> {
    let of_table = |table: &str| {
        object.contains(&format!(" ops.{table}."))
            || object.ends_with(&format!(" on ops.{table}"))
            || object.ends_with(&format!(" ops.{table}"))
    };
    if of_table("run_events") || object.contains(" ops.route_agent_event(") {
        return Some("sql/older/events/columns.sql");
    }
    if of_table("run_artifacts") || object.contains(" ops.route_agent_artifact(") {
        return Some("sql/older/artifacts/columns.sql");
    }
    let function = object.strip_prefix("function ")?;
    if function.contains("_agent_run(") {
        return Some("sql/older/runs/heartbeat_agent_run.sql");
    }
    replacement(&identity_of(function))
}

/// `ops.f(p_a uuid, p_b text)` → `ops.f(uuid,text)`; our arguments have names and types of one word.
fn identity_of(function: &str) -> String {
    let (name, arguments) = function.split_once('(').unwrap_or((function, ""));
    let types: Vec<&str> = arguments
        .trim_end_matches(')')
        .split(", ")
        .filter_map(|argument| argument.split_once(' ').map(|(_, of_type)| of_type))
        .collect();
    format!("{name}({})", types.join(","))
}

/// Every name that our schema needs.
pub(super) fn names_in_the_way() -> Result<Names, MigrateError> {
    let mut objects = Vec::new();
    for (file, text) in [
        ("sql/catalog.json", Schema::expected_catalog()),
        ("sql/older/catalog.json", Schema::older_catalog()),
    ] {
        let catalog: BTreeMap<String, Value> = serde_json::from_str(text)
            .map_err(|error| MigrateError::BadFile { file: file.to_owned(), problem: error.to_string() })?;
        objects.extend(catalog.into_keys());
    }
    let functions = REPLACEMENTS.iter().filter_map(|replacement| {
        replacement.identity.strip_prefix("ops.").and_then(|rest| rest.split('(').next())
    });
    Ok(Names::of_catalog(objects.iter().map(String::as_str)).and_functions(functions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replacement_has_its_file_and_each_file_is_needed_by_somebody() {
        let files = Schema::embedded().older_paths();
        for replacement in REPLACEMENTS {
            assert!(files.contains(&replacement.file.to_owned()), "{}", replacement.file);
        }
        for file in &files {
            let is_replacement = REPLACEMENTS.iter().any(|replacement| replacement.file == *file);
            let is_part = ["runs/", "events/", "artifacts/", "grants.sql"]
                .iter()
                .any(|part| file.strip_prefix("sql/older/").is_some_and(|rest| rest.starts_with(part)));
            assert!(is_replacement || is_part, "nobody would ever get {file}");
        }
    }

    #[test]
    fn an_object_of_the_catalog_leads_to_its_file() {
        for (object, file) in [
            (
                "function ops.fail_run(p_run_id uuid, p_error text, p_output jsonb)",
                "sql/older/a3/fail_run.sql",
            ),
            ("column ops.run_events.event_id", "sql/older/events/columns.sql"),
            ("trigger route_agent_artifact on ops.run_artifacts", "sql/older/artifacts/columns.sql"),
            ("function ops.cancel_agent_run(p_run_id uuid)", "sql/older/runs/heartbeat_agent_run.sql"),
        ] {
            assert_eq!(file_of(object), Some(file), "{object}");
        }
    }
}
