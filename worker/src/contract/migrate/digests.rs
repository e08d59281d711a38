//! What need not be applied again: files that are as they were, whose objects are as they were made.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::files::{Phase, SqlFile};
use super::objects::{Name, Snapshot};
use super::{MigrateError, Schema, tables};

/// Row security, defaults and grants.
const SURROUNDINGS: &str = include_str!("surroundings.sql");
/// The kind under which a file itself is recorded, beside its objects.
const FILE: &str = "file";

/// A row of `ops.schema_digests`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The file that made the object; empty where that is not known.
    pub(super) file: String,
    file_digest: String,
    state_digest: String,
}

/// What was recorded last time, and which of it still holds.
#[derive(Debug, Default)]
pub(super) struct Digests {
    recorded: BTreeMap<Name, Recorded>,
    /// Paths of the files that need not be applied.
    unchanged: BTreeSet<String>,
}

impl Digests {
    /// Compares record, files and database.
    pub(super) async fn read(client: &Client, schema: &Schema, now: &Snapshot) -> Result<Self, MigrateError> {
        let rows = client
            .query_typed(
                "select type, identity, file, file_digest, state_digest from ops.schema_digests",
                &[],
            )
            .await?;
        let mut recorded = BTreeMap::new();
        for row in rows {
            let name = Name { kind: row.try_get("type")?, identity: row.try_get("identity")? };
            let (file, file_digest) = (row.try_get("file")?, row.try_get("file_digest")?);
            recorded.insert(name, Recorded { file, file_digest, state_digest: row.try_get("state_digest")? });
        }
        let surroundings = Surroundings::read(client).await?;
        let mut unchanged: BTreeSet<String> = BTreeSet::new();
        for (phase, file) in schema.files().filter(|(phase, _)| *phase != Phase::Seed) {
            let digest = digest(&file.sql);
            let same = recorded.get(&name_of(file)).is_some_and(|record| {
                record.file_digest == digest && record.state_digest == surroundings.state(phase, file)
            });
            if same {
                unchanged.insert(file.path.to_string());
            }
        }
        for (name, record) in recorded.iter().filter(|(name, _)| name.kind != FILE) {
            // What nobody knows the maker of may have been made by any file.
            if record.file.is_empty() {
                unchanged.clear();
            }
            if now.get(name).is_none_or(|found| found.state != record.state_digest) {
                unchanged.remove(&record.file);
            }
        }
        Ok(Self { recorded, unchanged })
    }

    /// The file that made an object when the record was written.
    pub(super) fn maker(&self, name: &Name) -> Option<&str> {
        self.recorded.get(name).map(|record| record.file.as_str())
    }

    /// Whether a file need not be applied; `gone` was dropped since.
    pub(super) fn is_unchanged(&self, path: &str, gone: &BTreeSet<Name>) -> bool {
        self.unchanged.contains(path) && !gone.iter().any(|name| self.maker(name) == Some(path))
    }

    /// What files that changed, or are gone, need alone: their views, and the tables on which they have or make
    /// triggers, policies, row security and defaults.
    pub(super) async fn relations(
        &self,
        client: &Client,
        schema: &Schema,
        owned: &BTreeSet<Name>,
        now: &Snapshot,
    ) -> Result<Vec<String>, MigrateError> {
        let mut named = BTreeSet::new();
        for (phase, file) in schema.files() {
            if matches!(phase, Phase::Triggers | Phase::Policies) && !self.unchanged.contains(&*file.path) {
                named.extend(tables::named(&file.sql));
            }
        }
        let mut all = tables::existing(client, &named).await?;
        for (name, found) in now.iter().filter(|(name, _)| owned.contains(name)) {
            if !self.maker(name).is_some_and(|file| self.unchanged.contains(file)) {
                all.extend(found.on_table.clone());
                all.extend(Some(name.identity.clone()).filter(|_| name.kind == "view"));
            }
        }
        Ok(all)
    }

    /// Writes the record anew: `made` are all objects in place, each with its file.
    pub(super) async fn write(
        client: &Client,
        schema: &Schema,
        now: &Snapshot,
        made: &BTreeMap<Name, String>,
    ) -> Result<(), MigrateError> {
        let surroundings = Surroundings::read(client).await?;
        let by_path: BTreeMap<&str, String> =
            schema.files().map(|(_, file)| (&*file.path, digest(&file.sql))).collect();
        let mut rows: Vec<[String; 5]> = Vec::new();
        for (phase, file) in schema.files().filter(|(phase, _)| *phase != Phase::Seed) {
            let (name, path) = (name_of(file), file.path.to_string());
            let file_digest = by_path.get(path.as_str()).cloned().unwrap_or_default();
            rows.push([name.kind, name.identity, path, file_digest, surroundings.state(phase, file)]);
        }
        for (name, file) in made {
            let Some(found) = now.get(name) else { continue };
            let file_digest = by_path.get(file.as_str()).cloned().unwrap_or_default();
            let Name { kind, identity } = name.clone();
            rows.push([kind, identity, file.clone(), file_digest, found.state.clone()]);
        }
        let columns: [Vec<&str>; 5] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].as_str()).collect());
        let params: [_; 5] = std::array::from_fn(|column| {
            (&columns[column] as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT_ARRAY)
        });
        client.batch_execute("delete from ops.schema_digests").await?;
        client
            .query_typed(
                "insert into ops.schema_digests (type, identity, file, file_digest, state_digest) \
                 select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])",
                &params,
            )
            .await?;
        Ok(())
    }
}

/// What files do to tables beside making objects.
struct Surroundings {
    facts: Vec<[String; 3]>,
}

impl Surroundings {
    async fn read(client: &Client) -> Result<Self, MigrateError> {
        let rows = client.query_typed(SURROUNDINGS, &[]).await?;
        let fact = |row: &tokio_postgres::Row| -> Result<[String; 3], MigrateError> {
            Ok([row.try_get("kind")?, row.try_get("table_name")?, row.try_get("fact")?])
        };
        Ok(Self { facts: rows.iter().map(fact).collect::<Result<_, _>>()? })
    }

    /// The digest of what concerns a file: of grants all, of row security and defaults that of its tables.
    fn state(&self, phase: Phase, file: &SqlFile) -> String {
        let kind = match phase {
            Phase::Functions | Phase::Views | Phase::Seed => return String::new(),
            Phase::Triggers => "default",
            Phase::Policies => "row_security",
            Phase::Grants => "grants",
        };
        let named = tables::named(&file.sql);
        let facts: Vec<&str> = self
            .facts
            .iter()
            .filter(|[of, table, _]| of == kind && (table.is_empty() || named.contains(table)))
            .flatten()
            .map(String::as_str)
            .collect();
        digest(&facts.join("\n"))
    }
}

fn name_of(file: &SqlFile) -> Name {
    Name { kind: FILE.to_owned(), identity: file.path.to_string() }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
