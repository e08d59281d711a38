//! Which migrations a database has, and running those that it does not. Files, checksums and the table are
//! refinery's; its runner is not used, since the locks of a migration are to be had before its first statement.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::files::run_file;
use super::locks::Patience;
use super::{MigrateError, Schema, tables};

/// The history, in refinery's form but in our schema rather than in `public`.
pub(super) const TABLE: &str = "ops.schema_history";

/// The tables that `TABLES` makes: of this schema before its first migration, and in nobody's way.
pub(super) const OWN_TABLES: [&str; 4] =
    ["schema_history", "schema_objects", "schema_digests", "older_objects"];

/// Statements around the tables that migrate needs for itself.
pub(super) const TABLES: &str = include_str!("tables.sql");

/// Runs what is new and returns its names: each migration in a transaction of its own, which has the tables
/// that the migration names from its start.
pub(super) async fn run(
    client: &Client,
    schema: &Schema,
    patience: Patience,
) -> Result<Vec<String>, MigrateError> {
    if !has_own_tables(client).await? {
        patience.transaction(client, &[], async |client| Ok(client.batch_execute(TABLES).await?)).await?;
    }
    let migrations = schema.refinery_migrations()?;
    let applied = compare(client, &migrations).await?;
    let mut names = Vec::new();
    for (file, migration) in schema.migrations.iter().zip(&migrations) {
        if applied.contains(&i64::from(migration.version())) {
            continue;
        }
        let tables = tables::existing(client, &tables::named(&file.sql)).await?;
        let row = row(migration);
        let work = async |client: &Client| {
            run_file(client, file).await?;
            Ok(client.batch_execute(&row).await?)
        };
        patience.transaction(client, &tables, work).await?;
        names.push(migration.to_string());
    }
    Ok(names)
}

/// Whether what migrate itself needs is there, so that it need not even be looked at with a lock.
async fn has_own_tables(client: &Client) -> Result<bool, MigrateError> {
    let names = tables::named(TABLES);
    let there = tables::existing(client, &names).await?;
    let row = client
        .query_typed_one(
            "select coalesce(pg_catalog.bool_and(c.relrowsecurity), false) as closed \
             from pg_catalog.pg_class c where c.oid = any ($1::text[]::regclass[])",
            &[(&there, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(there.len() == names.len() && row.try_get("closed")?)
}

/// The statement that writes a migration down, as refinery does.
pub(super) fn row(migration: &refinery::Migration) -> String {
    // Names come from file names that refinery accepts: letters, digits and underscores.
    format!(
        "insert into {TABLE} (version, name, applied_on, checksum) values ({}, '{}', \
         to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '{}');",
        migration.version(),
        migration.name(),
        migration.checksum()
    )
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
