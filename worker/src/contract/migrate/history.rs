//! Which migrations a database has, and running those that it does not.

use refinery::Runner;
use tokio_postgres::Client;

use super::{MigrateError, Schema};
use crate::contract::error::{Refusal, describe};

/// Refinery's table, in our schema rather than in `public`.
pub(super) const TABLE: &str = "ops.schema_history";

/// The tables that `TABLES` makes: of this schema before its first migration, and in nobody's way.
pub(super) const OWN_TABLES: [&str; 3] = ["schema_history", "schema_objects", "older_objects"];

/// Statements around the tables that migrate needs for itself.
pub(super) const TABLES: &str = include_str!("tables.sql");

/// Runs what is new and returns its names.
pub(super) async fn run(client: &mut Client, schema: &Schema) -> Result<Vec<String>, MigrateError> {
    client.batch_execute(TABLES).await?;
    let migrations = schema.refinery_migrations()?;
    compare(client, &migrations).await?;
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name(TABLE);
    let report = runner.run_async(client).await.map_err(|error| failed(&error))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// The versions that a database has; refuses one that is ahead of us, or that has another past.
pub(super) async fn compare(
    client: &Client,
    known: &[refinery::Migration],
) -> Result<Vec<i64>, MigrateError> {
    let rows = client
        .query_typed("select version, name, checksum from ops.schema_history order by version desc", &[])
        .await?;
    let newest_known = known.iter().map(|m| i64::from(m.version())).max().unwrap_or(0);
    let mut applied = Vec::with_capacity(rows.len());
    for row in rows {
        let version = i64::from(row.try_get::<_, i32>("version")?);
        let name: String = row.try_get("name")?;
        let checksum: String = row.try_get("checksum")?;
        if version > newest_known {
            return Err(MigrateError::NewerSchema { found: version, known: newest_known });
        }
        let same = known.iter().any(|m| {
            i64::from(m.version()) == version && m.name() == name && m.checksum().to_string() == checksum
        });
        if !same {
            return Err(MigrateError::Edited { migration: format!("V{version}__{name}") });
        }
        applied.push(version);
    }
    Ok(applied)
}

fn failed(error: &refinery::Error) -> MigrateError {
    use std::error::Error as _;
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(db) = inner.downcast_ref::<tokio_postgres::Error>().and_then(|e| e.as_db_error()) {
            return MigrateError::File { file: error.to_string(), refusal: Refusal::from(db) };
        }
        source = inner.source();
    }
    MigrateError::File { file: "migrations".to_owned(), refusal: Refusal::unreadable(describe(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_tables_are_those_that_are_made() {
        let made: Vec<&str> = TABLES
            .split("create table if not exists ops.")
            .skip(1)
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        assert_eq!(made, OWN_TABLES);
    }
}
