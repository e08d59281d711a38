//! What stands in schema `ops` before we do, and what an earlier call wrote down about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Record;
use crate::contract::error::Refusal;
use crate::contract::migrate::{MigrateError, history};

/// Everything in schema `ops` that migrate did not make for itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Found {
    /// `None` where there is no such schema.
    pub(super) schema: Option<SchemaFound>,
    /// Names that are taken in `ops_older`.
    pub(super) older_schema: BTreeSet<String>,
    pub(super) relations: Vec<Relation>,
    pub(super) types: Vec<TypeFound>,
    pub(super) functions: Vec<Function>,
    /// What `ops.older_objects` holds.
    #[serde(skip)]
    pub(super) recorded: Vec<Record>,
    /// Whether a migration of ours was applied: what stands in `ops` now is ours or was judged.
    #[serde(skip)]
    pub(super) migrated: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SchemaFound {
    pub(super) owner: String,
    pub(super) owner_is_superuser: bool,
    pub(super) rights: Vec<Right>,
}

/// A table, view or sequence.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Relation {
    pub(super) name: String,
    /// As in `pg_class.relkind`.
    pub(super) kind: String,
    pub(super) owner: String,
    pub(super) owner_is_superuser: bool,
    pub(super) row_security: bool,
    /// An ordinary table: no partition, no parent, no heir.
    pub(super) plain: bool,
    pub(super) of_extension: bool,
    /// Name → type without modifier.
    pub(super) columns: BTreeMap<String, String>,
    pub(super) indexes: Vec<String>,
    /// Checks and foreign keys; the others are renamed with their index.
    pub(super) constraints: Vec<String>,
    pub(super) sequences: Vec<String>,
    pub(super) policies: Vec<String>,
    pub(super) triggers: Vec<TriggerFound>,
    pub(super) rights: Vec<Right>,
    pub(super) read_by: Vec<Reader>,
    pub(super) definition: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct TriggerFound {
    pub(super) name: String,
    pub(super) function: String,
    pub(super) function_owner: String,
    /// The function's owner has the rights of `ops_owner` anyway.
    pub(super) trusted: bool,
}

/// A view on a table.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Reader {
    pub(super) view: String,
    pub(super) owner: String,
    pub(super) owner_is_superuser: bool,
}

/// A right that somebody else than the owner holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Right {
    /// A role, or `PUBLIC`.
    pub(super) grantee: String,
    pub(super) privilege: String,
    pub(super) column: Option<String>,
    pub(super) grantable: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct TypeFound {
    pub(super) name: String,
    pub(super) of_extension: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    /// `ops.fail_run(uuid,text,jsonb)`.
    pub(super) identity: String,
    pub(super) source: String,
    /// Its own `search_path` names `ops`.
    pub(super) searches_ops: bool,
    pub(super) of_extension: bool,
    pub(super) definition: String,
    pub(super) rights: Vec<Right>,
    /// What depends on it, as type and identity.
    pub(super) dependents: Vec<String>,
}

/// Reads the catalog and our own notes.
pub(super) async fn read(client: &Client) -> Result<Found, MigrateError> {
    let row = client
        .query_typed_one(include_str!("found.sql"), &[(&history::OWN_TABLES.as_slice(), Type::TEXT_ARRAY)])
        .await?;
    let document: serde_json::Value = row.try_get("found")?;
    let mut found: Found = serde_json::from_value(document).map_err(|error| MigrateError::File {
        file: "worker/src/contract/migrate/older/found.sql".to_owned(),
        refusal: Refusal::unreadable(error.to_string()),
    })?;
    found.recorded = recorded(client).await?;
    found.migrated = exists(client, history::TABLE).await?
        && client
            .query_typed_one("select exists (select from ops.schema_history) as migrated", &[])
            .await?
            .try_get("migrated")?;
    Ok(found)
}

/// What `ops.older_objects` holds; nothing where an earlier version of ours migrated last.
pub(super) async fn recorded(client: &Client) -> Result<Vec<Record>, MigrateError> {
    if !exists(client, "ops.older_objects").await? {
        return Ok(Vec::new());
    }
    let rows = client.query_typed(include_str!("recorded.sql"), &[]).await?;
    rows.iter()
        .map(|row| {
            let document: serde_json::Value = row.try_get("record")?;
            serde_json::from_value(document).map_err(|error| MigrateError::File {
                file: "ops.older_objects".to_owned(),
                refusal: Refusal::unreadable(error.to_string()),
            })
        })
        .collect()
}

async fn exists(client: &Client, table: &str) -> Result<bool, MigrateError> {
    let row = client
        .query_typed_one("select pg_catalog.to_regclass($1) is not null as found", &[(&table, Type::TEXT)])
        .await?;
    Ok(row.try_get("found")?)
}
