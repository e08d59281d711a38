//! Tiny schemas for tests of `migrate`: the real roles, one table, and the objects that a test is about.

use odooops::contract::migrate::{self, Applied, MigrateError, Schema, SqlFile};
use tokio_postgres::Client;

use crate::support::postgres::TestDatabase;

/// The first migration of every tiny schema.
pub(crate) const THINGS: &str = "create table ops.things (id int primary key, size int not null default 1);";

/// The roles of the product.
pub(crate) fn roles() -> SqlFile {
    SqlFile::new("sql/roles.sql", include_str!("../../sql/roles.sql"))
}

/// A schema with the table `ops.things` and these files below `sql/`.
pub(crate) fn schema(objects: &[(&'static str, &'static str)]) -> Schema {
    schema_with(&[("migrations/V1__things.sql", THINGS)], objects)
}

/// A schema with these migrations and these files below `sql/`.
pub(crate) fn schema_with(
    migrations: &[(&'static str, &'static str)],
    objects: &[(&'static str, &'static str)],
) -> Schema {
    let files = |list: &[(&'static str, &'static str)]| -> Vec<SqlFile> {
        list.iter().map(|(path, sql)| SqlFile::new(*path, *sql)).collect()
    };
    let mut all_objects = files(objects);
    all_objects.push(roles());
    Schema::new(files(migrations), all_objects)
}

/// Applies a schema as superuser.
pub(crate) async fn apply(database: &TestDatabase, schema: &Schema) -> Result<Applied, MigrateError> {
    migrate::apply(&database.superuser_settings(), schema).await
}

/// Functions, views, triggers and policies in the database, as `type identity`.
pub(crate) async fn objects(client: &Client) -> Vec<String> {
    let rows = client
        .query(
            "select format('%s %s', i.type, i.identity) from (
               select 'pg_proc'::regclass as class, oid from pg_proc
               where pronamespace = 'ops'::regnamespace
               union all
               select 'pg_class', oid from pg_class where relnamespace = 'ops'::regnamespace and relkind = 'v'
               union all
               select 'pg_trigger', oid from pg_trigger where not tgisinternal
               union all
               select 'pg_policy', oid from pg_policy
             ) k cross join lateral pg_identify_object(k.class, k.oid, 0) i order by 1",
            &[],
        )
        .await
        .expect("list objects");
    rows.iter().map(|row| row.get(0)).collect()
}

/// One value as text.
pub(crate) async fn value(client: &Client, sql: &str) -> Option<String> {
    client.query_one(sql, &[]).await.expect("a query with one row").get(0)
}
