//! Applies `sql/` in one transaction: files that changed, files whose objects did, and nothing else. Drops what
//! the last manifest has and the files no longer make.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::digests::Digests;
use super::files::{Phase, run_file};
use super::locks::Patience;
use super::replace::Work;
use super::{Applied, MigrateError, Schema};

/// Lists our objects in the catalog.
const OBJECTS: &str = include_str!("objects.sql");
/// Writes the manifest for objects named by two arrays.
const RECORD: &str = include_str!("record.sql");

/// An object's name in the manifest: type and identity as `pg_identify_object` says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) kind: String,
    pub(super) identity: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.identity)
    }
}

/// What the catalog has of it at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) class: String,
    pub(super) oid: u32,
    pub(super) version: String,
    pub(super) bare_name: String,
    pub(super) state: String,
    pub(super) on_table: Option<String>,
}

pub(super) type Snapshot = BTreeMap<Name, Found>;

/// Applies all phases; the session works as `ops_owner`.
pub(super) async fn apply(
    client: &Client,
    schema: &Schema,
    patience: Patience,
) -> Result<Applied, MigrateError> {
    let now = snapshot(client).await?;
    let digests = Digests::read(client, schema, &now).await?;
    let relations = digests.relations(client, schema, &manifest(client).await?, &now).await?;
    patience.transaction(client, &relations, async |client| apply_locked(client, schema).await).await
}

async fn apply_locked(client: &Client, schema: &Schema) -> Result<Applied, MigrateError> {
    client.batch_execute("set local check_function_bodies = off").await?;
    let before = snapshot(client).await?;
    let digests = Digests::read(client, schema, &before).await?;
    let mut work = Work::new(client, schema, manifest(client).await?, before, digests);
    work.replace_all(Phase::Functions, "function").await?;
    work.replace_all(Phase::Views, "view").await?;
    work.drop_attached().await?;
    let mut now = snapshot(client).await?;
    for phase in [Phase::Triggers, Phase::Policies] {
        for file in schema.phase(phase) {
            if work.is_unchanged(file) {
                continue;
            }
            run_file(client, file).await?;
            let after = snapshot(client).await?;
            work.note_made(file, &now, &after);
            now = after;
        }
    }
    // Grants touch functions and views too, so what was made counts as of before the grants.
    let made: BTreeMap<Name, String> = now
        .iter()
        .filter(|(name, found)| work.is_new(name, found) || work.is_kept(name))
        .map(|(name, _)| (name.clone(), work.maker(name)))
        .collect();
    // One takes everything away before it gives, so all of them are run or none.
    if work.changed_something() || schema.phase(Phase::Grants).any(|file| !work.is_unchanged(file)) {
        for file in schema.phase(Phase::Grants) {
            run_file(client, file).await?;
        }
    }
    for file in schema.phase(Phase::Seed) {
        run_file(client, file).await?;
    }
    record(client, &made).await?;
    Digests::write(client, schema, &now, &made).await?;
    let dropped = work.dropped().filter(|name| !made.contains_key(name)).map(ToString::to_string).collect();
    Ok(Applied { objects: made.len(), dropped, ..Applied::default() })
}

/// The last manifest.
async fn manifest(client: &Client) -> Result<BTreeSet<Name>, MigrateError> {
    let rows = client.query_typed("select type, identity from ops.schema_objects", &[]).await?;
    rows.iter()
        .map(|row| Ok(Name { kind: row.try_get("type")?, identity: row.try_get("identity")? }))
        .collect()
}

/// Our objects and others' of the same kinds as they are now.
pub(super) async fn snapshot(client: &Client) -> Result<Snapshot, MigrateError> {
    let rows = client.query_typed(OBJECTS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                Name { kind: row.try_get("type")?, identity: row.try_get("identity")? },
                Found {
                    class: row.try_get("class")?,
                    oid: row.try_get("oid")?,
                    version: row.try_get("version")?,
                    bare_name: row.try_get("name")?,
                    state: row.try_get("state")?,
                    on_table: row.try_get("on_table")?,
                },
            ))
        })
        .collect()
}

async fn record(client: &Client, made: &BTreeMap<Name, String>) -> Result<(), MigrateError> {
    let kinds: Vec<&str> = made.keys().map(|name| name.kind.as_str()).collect();
    let identities: Vec<&str> = made.keys().map(|name| name.identity.as_str()).collect();
    client.batch_execute("delete from ops.schema_objects").await?;
    client.query_typed(RECORD, &[(&kinds, Type::TEXT_ARRAY), (&identities, Type::TEXT_ARRAY)]).await?;
    Ok(())
}
