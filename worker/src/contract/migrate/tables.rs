//! Which tables a file is about, so that they can be locked before it runs.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::MigrateError;

/// Names after `ops.` in a text of SQL: all that a file may touch, and a little more.
pub(super) fn named(sql: &str) -> BTreeSet<String> {
    sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .filter_map(|word| word.strip_prefix("ops."))
        .filter_map(|name| name.split('.').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The views of schema ops.
pub(super) async fn views(client: &Client) -> Result<BTreeSet<String>, MigrateError> {
    let rows = client
        .query_typed(
            "select c.oid::regclass::text as name from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = 'ops' and c.relkind = 'v'",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
}

/// Those names that are tables of schema ops in this database, ready to stand in a statement.
pub(super) async fn existing(client: &Client, names: &BTreeSet<String>) -> Result<Vec<String>, MigrateError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = client
        .query_typed(
            "select c.oid::regclass::text as name from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = 'ops' and c.relkind in ('r', 'p') and c.relname = any ($1)",
            &[(&names, Type::TEXT_ARRAY)],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_tables() {
        let sql =
            "-- of ops.projects.\nalter table ops.runs add x int; comment on column ops.run_steps.step is 1;";
        assert_eq!(Vec::from_iter(named(sql)), ["projects", "run_steps", "runs"]);
        assert!(named("select 1 from public.runs").is_empty());
    }
}
