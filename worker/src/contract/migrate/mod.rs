//! Brings a database to what `migrations/` and `sql/` say, and tells where it is not (docs/architecture.md).
//!
//! Tables move forward once, a transaction each; what changed in `sql/` is applied whole in one,
//! and a manifest (`ops.schema_objects`) knows what earlier versions made and this one no longer contains.

mod bootstrap;
mod check;
mod digests;
mod dump;
mod files;
mod history;
mod locks;
mod objects;
mod older;
mod replace;
mod session;
mod tables;

pub use check::{Difference, Drift, catalog, check, older_catalog};
pub use dump::dump_sql;
pub use files::{Schema, SqlFile};
pub use older::{Fate, Generation, Plan, Record, State, plan};

use self::locks::Patience;
use super::error::Refusal;
use super::{ContractError, DatabaseSettings};

/// What [`apply`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Applied {
    /// Migrations that were new, `V1__projects`.
    pub migrations: Vec<String>,
    /// Functions, views, triggers and policies that are in place now.
    pub objects: usize,
    /// What an earlier version had made and is gone now.
    pub dropped: Vec<String>,
    /// What became of objects of an older generation, by this call.
    pub older: Vec<String>,
}

/// Why a database was not migrated or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// Another migration holds the lock for too long.
    #[error(
        "another `odooops migrate` has been working on this database for more than {waited_secs} s; wait for it, or end its session ({holder})"
    )]
    Busy {
        /// How long was waited.
        waited_secs: u64,
        /// Who holds the lock.
        holder: String,
    },
    /// A lock on a table was not to be had.
    #[error(
        "a table in schema ops was not free in {waited_secs} s ({tries} tries): {holders}; wait until that session's transaction ends, or end it with select pg_terminate_backend(<pid>), then run `odooops migrate` again: what was not finished was rolled back"
    )]
    Locked {
        /// For how long it was tried.
        waited_secs: u64,
        /// How often.
        tries: u32,
        /// Who held a lock there when the last try failed.
        holders: String,
    },
    /// The database was migrated by a newer odooops.
    #[error("the database is at migration {found}, this odooops knows {known}; install a newer odooops")]
    NewerSchema {
        /// Highest version in the database.
        found: i64,
        /// Highest version that is embedded.
        known: i64,
    },
    /// A migration in the database is not the one that this version has under its number.
    #[error(
        "migration {migration} was applied with other content; a released migration is never edited: install the odooops that applied it, or restore its file"
    )]
    Edited {
        /// `V1__projects`.
        migration: String,
    },
    /// The connection is a transaction pooler's.
    #[error(
        "migrate needs a direct connection to Postgres, this one goes through a pooler in transaction mode ({evidence}); use the direct host and port (for Supabase: db.<project>.supabase.co, port 5432)"
    )]
    Pooler {
        /// How it was noticed.
        evidence: String,
    },
    /// Something in schema `ops` is neither ours nor known, or cannot be dealt with.
    #[error(
        "migrate changes nothing, since it cannot decide about what is in schema ops already: {}; \
         `odooops migrate --plan` shows everything that is there", problems.join("; ")
    )]
    InTheWay {
        /// What it is and what to do about it.
        problems: Vec<String>,
    },
    /// Something that is not ours depends on what must go.
    #[error(
        "{object} has to be dropped, but something that odooops did not make depends on it: {dependents}; drop or change that, then run `odooops migrate` again"
    )]
    Dependent {
        /// What must go.
        object: String,
        /// What Postgres names.
        dependents: String,
    },
    /// A file failed.
    #[error("{file}: {refusal}")]
    File {
        /// Path within the repository, with the line where known.
        file: String,
        /// What the database said.
        refusal: Refusal,
    },
    /// A file's name or place is wrong.
    #[error("{file}: {problem}")]
    BadFile {
        /// Path within the repository.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The migrating role lacks a right.
    #[error("{what}: {refusal}; migrate as a superuser, or as the database's owner with CREATEROLE")]
    NotPermitted {
        /// What was tried.
        what: String,
        /// What the database said.
        refusal: Refusal,
    },
    /// The database cannot be reached or failed.
    #[error(transparent)]
    Contract(#[from] ContractError),
}

impl From<tokio_postgres::Error> for MigrateError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Contract(error.into())
    }
}

/// Migrates the database; two at once both succeed.
///
/// # Errors
/// See [`MigrateError`]. A failed migration leaves those before it applied, `sql/` is applied whole or not at all.
pub async fn apply(settings: &DatabaseSettings, schema: &Schema) -> Result<Applied, MigrateError> {
    let session = session::open(settings).await?;
    let patience = Patience::new(settings);
    session::lock(settings, &session.client).await?;
    bootstrap::run(&session.client, schema).await?;
    let older = older::make(&session.client, patience).await?;
    session.client.batch_execute("set role ops_owner").await?;
    let migrations = history::run(&session.client, schema, patience).await?;
    let schema = older::with_compatibility(&session.client, schema).await?;
    let applied = objects::apply(&session.client, &schema, patience).await?;
    session.client.batch_execute("reset role").await?;
    session::unlock(&session.client).await?;
    Ok(Applied { migrations, older, ..applied })
}
