//! The whole schema as one script for psql, made without a database.

use super::{MigrateError, Schema, history};

/// Lists our objects in the catalog.
const OBJECTS: &str = include_str!("objects.sql");
/// Writes the manifest.
const RECORD: &str = include_str!("record.sql");

/// A script that makes an empty database what [`apply`](super::apply) would make it, history and manifest
/// included: `psql -v ON_ERROR_STOP=1 -f odooops.sql "$DATABASE_URL"`. All or nothing.
///
/// # Errors
/// [`MigrateError::BadFile`] when a migration is misnamed.
pub fn dump_sql(schema: &Schema) -> Result<String, MigrateError> {
    let mut script = String::from(HEAD);
    for file in &schema.roles {
        push(&mut script, &file.path, &file.sql);
    }
    push(&mut script, "as the owner of everything", "set local role ops_owner;");
    push(&mut script, "what migrate itself needs", history::TABLES);
    for (file, migration) in schema.migrations.iter().zip(schema.refinery_migrations()?) {
        push(&mut script, &file.path, &file.sql);
        push(&mut script, "history", &history::row(&migration));
    }
    push(&mut script, "bodies may name what comes later", "set local check_function_bodies = off;");
    for file in &schema.objects {
        push(&mut script, &file.path, &file.sql);
    }
    push(&mut script, "manifest", &manifest());
    script.push_str("reset role;\ncommit;\n");
    Ok(script)
}

const HEAD: &str = "\
-- The odooops schema, for an empty database. Made by `odooops migrate --dump-sql`.
-- Apply it with: psql -v ON_ERROR_STOP=1 -f <this file> \"$DATABASE_URL\"
begin;
set local search_path = '';
set local client_min_messages = warning;
do $$
begin
  if to_regclass('ops.schema_history') is not null then
    raise exception 'this database has an odooops schema already'
      using hint = 'Use `odooops migrate` to bring it up to date.';
  end if;
end
$$;
";

/// In an empty database everything in the schema is ours.
fn manifest() -> String {
    let made = format!("with made as (\n{OBJECTS}\n)");
    let array =
        |column: &str| format!("(select array_agg(m.{column} order by m.type, m.identity) from made m)");
    let record = RECORD.replace("$1::text[]", &array("type")).replace("$2::text[]", &array("identity"));
    format!("{made}\n{record};")
}

/// Adds a part; the extra semicolon ends a file that forgot its own.
fn push(script: &mut String, title: &str, sql: &str) {
    script.push_str(&format!("\n-- {title}\n{}\n;\n", sql.trim_end()));
}
