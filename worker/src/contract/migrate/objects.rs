//! Applies `sql/` whole in one transaction, and drops what the last manifest has and the files no longer make.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::files::{Phase, SqlFile};
use super::{Applied, MigrateError, Schema};
use crate::contract::error::Refusal;

/// Lists our objects in the catalog.
const OBJECTS: &str = include_str!("objects.sql");
/// Writes the manifest for objects named by two arrays.
const RECORD: &str = include_str!("record.sql");

/// An object's name in the manifest: type and identity as `pg_identify_object` says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    kind: String,
    identity: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.identity)
    }
}

/// What the catalog has of it at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    class: String,
    oid: u32,
    version: String,
    bare_name: String,
}

type Snapshot = BTreeMap<Name, Found>;

/// Applies all phases; the session works as `ops_owner`.
pub(super) async fn apply(client: &Client, schema: &Schema) -> Result<Applied, MigrateError> {
    client.batch_execute("begin; set local check_function_bodies = off").await?;
    let mut work = Work {
        client,
        owned: manifest(client).await?,
        before: snapshot(client).await?,
        dropped: BTreeSet::new(),
    };
    work.drop_unconditionally("policy").await?;
    work.drop_unconditionally("trigger").await?;
    work.replace_all(schema, Phase::Functions, "function").await?;
    work.replace_all(schema, Phase::Views, "view").await?;
    let replaced = snapshot(client).await?;
    for phase in [Phase::Triggers, Phase::Policies, Phase::Grants, Phase::Seed] {
        for file in schema.phase(phase) {
            run_file(client, file).await?;
        }
    }
    // Grants touch functions and views too, so those count as of before the grants.
    let made: Vec<Name> = snapshot(client)
        .await?
        .into_iter()
        .filter(|(name, found)| match name.kind.as_str() {
            "function" | "view" => replaced.get(name).is_some_and(|found| work.is_new(name, found)),
            _ => work.is_new(name, found),
        })
        .map(|(name, _)| name)
        .collect();
    record(client, &made).await?;
    client.batch_execute("commit").await?;
    let dropped = work.dropped.iter().filter(|name| !made.contains(name)).map(ToString::to_string).collect();
    Ok(Applied { objects: made.len(), dropped, ..Applied::default() })
}

struct Work<'a> {
    client: &'a Client,
    /// The last manifest.
    owned: BTreeSet<Name>,
    /// The catalog when the transaction began.
    before: Snapshot,
    dropped: BTreeSet<Name>,
}

impl Work<'_> {
    /// Whether an object was made or replaced by this transaction.
    fn is_new(&self, name: &Name, found: &Found) -> bool {
        self.before.get(name).is_none_or(|old| old.oid != found.oid || old.version != found.version)
    }

    /// Nothing depends on policies and triggers, so those that are ours go and come back.
    async fn drop_unconditionally(&mut self, kind: &str) -> Result<(), MigrateError> {
        let ours: Vec<Name> = self.before.keys().filter(|name| name.kind == kind).cloned().collect();
        for name in ours.into_iter().filter(|name| self.owned.contains(name)) {
            self.client.batch_execute(&format!("drop {} {}", name.kind, name.identity)).await?;
            self.dropped.insert(name);
        }
        Ok(())
    }

    /// Runs the files of a phase, then drops what they no longer make.
    async fn replace_all(&mut self, schema: &Schema, phase: Phase, kind: &str) -> Result<(), MigrateError> {
        // Dropping an object takes our own dependents along, which may have been made a moment ago.
        while self.replace_each(schema, phase, kind).await? == Pass::Repeat {}
        let now = snapshot(self.client).await?;
        let stale: Vec<Name> = now
            .iter()
            .filter(|(name, found)| {
                name.kind == kind && self.owned.contains(name) && !self.is_new(name, found)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in stale {
            self.drop_owned(&name).await?;
        }
        Ok(())
    }

    async fn replace_each(
        &mut self,
        schema: &Schema,
        phase: Phase,
        kind: &str,
    ) -> Result<Pass, MigrateError> {
        let mut pass = Pass::Done;
        for file in schema.phase(phase) {
            self.client.batch_execute("savepoint file").await?;
            let Err(error) = self.client.batch_execute(&file.sql).await else {
                self.client.batch_execute("release savepoint file").await?;
                continue;
            };
            // Another result, other argument names, fewer defaults; columns dropped, renamed or moved.
            let must_go = matches!(
                error.code(),
                Some(&SqlState::INVALID_FUNCTION_DEFINITION | &SqlState::INVALID_TABLE_DEFINITION)
            );
            if !must_go {
                return Err(file_failed(file, &error));
            }
            self.client.batch_execute("rollback to savepoint file").await?;
            let now = snapshot(self.client).await?;
            let old: Vec<Name> = now
                .into_iter()
                .filter(|(name, found)| {
                    name.kind == kind && found.bare_name == file.stem() && self.owned.contains(name)
                })
                .map(|(name, _)| name)
                .collect();
            if old.is_empty() {
                return Err(file_failed(file, &error));
            }
            for name in old {
                if self.drop_owned(&name).await? > 1 {
                    pass = Pass::Repeat;
                }
            }
            run_file(self.client, file).await?;
        }
        Ok(pass)
    }

    /// Drops an object and those of ours that depend on it; says how many. Never CASCADE.
    async fn drop_owned(&mut self, name: &Name) -> Result<usize, MigrateError> {
        let mut count = 0;
        let mut waiting = vec![name.clone()];
        while let Some(next) = waiting.last().cloned() {
            let now = snapshot(self.client).await?;
            let Some(found) = now.get(&next) else {
                waiting.pop();
                continue;
            };
            self.client.batch_execute("savepoint dropping").await?;
            let drop = format!("drop {} {}", next.kind, next.identity);
            let Err(error) = self.client.batch_execute(&drop).await else {
                self.client.batch_execute("release savepoint dropping").await?;
                self.dropped.insert(next);
                count += 1;
                waiting.pop();
                continue;
            };
            self.client.batch_execute("rollback to savepoint dropping").await?;
            let Some(db) =
                error.as_db_error().filter(|db| db.code() == &SqlState::DEPENDENT_OBJECTS_STILL_EXIST)
            else {
                return Err(error.into());
            };
            let ours: Vec<Name> = self
                .dependents(found)
                .await?
                .into_iter()
                .filter(|name| self.owned.contains(name) && !waiting.contains(name))
                .collect();
            if ours.is_empty() {
                return Err(MigrateError::Dependent {
                    object: next.to_string(),
                    dependents: db.detail().unwrap_or_default().replace('\n', "; "),
                });
            }
            waiting.extend(ours);
        }
        Ok(count)
    }

    /// What depends directly on an object.
    async fn dependents(&self, found: &Found) -> Result<Vec<Name>, MigrateError> {
        let rows = self
            .client
            .query_typed(
                include_str!("dependents.sql"),
                &[(&found.class, Type::TEXT), (&i64::from(found.oid), Type::INT8)],
            )
            .await?;
        rows.iter()
            .map(|row| Ok(Name { kind: row.try_get("type")?, identity: row.try_get("identity")? }))
            .collect()
    }
}

/// Whether a pass over the files left something that a drop took away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Done,
    Repeat,
}

async fn manifest(client: &Client) -> Result<BTreeSet<Name>, MigrateError> {
    let rows = client.query_typed("select type, identity from ops.schema_objects", &[]).await?;
    rows.iter()
        .map(|row| Ok(Name { kind: row.try_get("type")?, identity: row.try_get("identity")? }))
        .collect()
}

async fn snapshot(client: &Client) -> Result<Snapshot, MigrateError> {
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
                },
            ))
        })
        .collect()
}

async fn record(client: &Client, made: &[Name]) -> Result<(), MigrateError> {
    let kinds: Vec<&str> = made.iter().map(|name| name.kind.as_str()).collect();
    let identities: Vec<&str> = made.iter().map(|name| name.identity.as_str()).collect();
    client.batch_execute("delete from ops.schema_objects").await?;
    client.query_typed(RECORD, &[(&kinds, Type::TEXT_ARRAY), (&identities, Type::TEXT_ARRAY)]).await?;
    Ok(())
}

async fn run_file(client: &Client, file: &SqlFile) -> Result<(), MigrateError> {
    client.batch_execute(&file.sql).await.map_err(|error| file_failed(file, &error))
}

fn file_failed(file: &SqlFile, error: &tokio_postgres::Error) -> MigrateError {
    let Some(db) = error.as_db_error() else {
        return MigrateError::File {
            file: file.path.to_string(),
            refusal: Refusal::unreadable(crate::contract::error::describe(error)),
        };
    };
    if db.code() == &SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
        return MigrateError::Dependent {
            object: format!("what {} replaces", file.path),
            dependents: db.detail().unwrap_or_else(|| db.message()).replace('\n', "; "),
        };
    }
    let place = match db.position() {
        Some(tokio_postgres::error::ErrorPosition::Original(position)) => {
            let before = file.sql.chars().take(*position as usize);
            format!("{}:{}", file.path, 1 + before.filter(|c| *c == '\n').count())
        }
        Some(tokio_postgres::error::ErrorPosition::Internal { .. }) | None => file.path.to_string(),
    };
    MigrateError::File { file: place, refusal: Refusal::from(db) }
}
