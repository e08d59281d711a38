//! Makes, replaces and drops objects inside the one transaction; never CASCADE.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::digests::Digests;
use super::files::{Phase, SqlFile, file_failed, run_file};
use super::objects::{Found, Name, Snapshot, snapshot};
use super::{MigrateError, Schema};

/// The state of one transaction over the files of `sql/`.
pub(super) struct Work<'a> {
    client: &'a Client,
    schema: &'a Schema,
    /// The last manifest.
    owned: BTreeSet<Name>,
    /// The catalog when the transaction began.
    before: Snapshot,
    digests: Digests,
    dropped: BTreeSet<Name>,
    /// Objects made now, with the path of their file.
    made: BTreeMap<Name, String>,
    /// Whether any file was run.
    ran: bool,
}

impl<'a> Work<'a> {
    /// Work that has not begun.
    pub(super) fn new(
        client: &'a Client,
        schema: &'a Schema,
        owned: BTreeSet<Name>,
        before: Snapshot,
        digests: Digests,
    ) -> Self {
        let (dropped, made) = (BTreeSet::new(), BTreeMap::new());
        Self { client, schema, owned, before, digests, dropped, made, ran: false }
    }

    /// Whether an object was made or replaced by this transaction.
    pub(super) fn is_new(&self, name: &Name, found: &Found) -> bool {
        self.before.get(name).is_none_or(|old| old.oid != found.oid || old.version != found.version)
    }

    /// Whether a file need not be run.
    pub(super) fn is_unchanged(&self, file: &SqlFile) -> bool {
        self.digests.is_unchanged(&file.path, &self.dropped)
    }

    /// Whether an object of ours stays because its file need not be run.
    pub(super) fn is_kept(&self, name: &Name) -> bool {
        !self.dropped.contains(name)
            && self.digests.maker(name).is_some_and(|file| self.digests.is_unchanged(file, &self.dropped))
    }

    /// Whether anything was run or dropped.
    pub(super) fn changed_something(&self) -> bool {
        self.ran || !self.dropped.is_empty()
    }

    /// What was dropped, also if it was made again.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &Name> {
        self.dropped.iter()
    }

    /// The file that made an object, now or earlier; empty where it is not known.
    pub(super) fn maker(&self, name: &Name) -> String {
        let earlier = || self.digests.maker(name).filter(|_| self.is_kept(name));
        self.made.get(name).map(String::as_str).or_else(earlier).unwrap_or_default().to_owned()
    }

    /// Notes what a file has made between two snapshots.
    pub(super) fn note_made(&mut self, file: &SqlFile, before: &Snapshot, after: &Snapshot) {
        self.ran = true;
        let fresh = after.iter().filter(|(name, found)| {
            before.get(name).is_none_or(|old| old.oid != found.oid || old.version != found.version)
        });
        self.made.extend(fresh.map(|(name, _)| (name.clone(), file.path.to_string())));
    }

    /// Drops our triggers and policies unless their file need not be run: those that do come back.
    pub(super) async fn drop_attached(&mut self) -> Result<(), MigrateError> {
        let now = snapshot(self.client).await?;
        let stale = now.iter().filter(|(name, found)| {
            found.on_table.is_some()
                && self.owned.contains(name)
                && !self.is_new(name, found)
                && !self.is_kept(name)
        });
        let stale: Vec<Name> = stale.map(|(name, _)| name.clone()).collect();
        for name in stale {
            self.client.batch_execute(&format!("drop {} {}", name.kind, name.identity)).await?;
            self.dropped.insert(name);
        }
        Ok(())
    }

    /// Runs the files of a phase, then drops what they no longer make.
    pub(super) async fn replace_all(&mut self, phase: Phase, kind: &str) -> Result<(), MigrateError> {
        // Dropping an object takes our own dependents along, which may have been made a moment ago.
        while self.replace_each(phase, kind).await? == Pass::Repeat {}
        let now = snapshot(self.client).await?;
        let stale: Vec<Name> = now
            .iter()
            .filter(|(name, found)| {
                name.kind == kind
                    && self.owned.contains(name)
                    && !self.is_new(name, found)
                    && !self.is_kept(name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in stale {
            self.drop_owned(&name).await?;
        }
        let after = snapshot(self.client).await?;
        let schema = self.schema;
        for file in schema.phase(phase) {
            let fresh = after.iter().filter(|(name, found)| {
                name.kind == kind && found.bare_name == file.stem() && self.is_new(name, found)
            });
            let fresh: Vec<Name> = fresh.map(|(name, _)| name.clone()).collect();
            self.made.extend(fresh.into_iter().map(|name| (name, file.path.to_string())));
        }
        Ok(())
    }

    async fn replace_each(&mut self, phase: Phase, kind: &str) -> Result<Pass, MigrateError> {
        let mut pass = Pass::Done;
        let schema = self.schema;
        for file in schema.phase(phase) {
            if self.is_unchanged(file) {
                continue;
            }
            self.ran = true;
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
