//! What happens to functions, views, triggers and policies when the files of `sql/` change.

use odooops::contract::migrate::MigrateError;

use super::fixture::{apply, objects, schema, value};
use crate::support::postgres::TestDatabase;

const TWICE: (&str, &str) = (
    "sql/things/twice.sql",
    "create or replace function ops.twice(p_n int) returns int language sql as 'select 2 * p_n';",
);
const TWICE_WITH_DEFAULT: (&str, &str) = (
    "sql/things/twice.sql",
    "create or replace function ops.twice(p_n int, p_more int default 0) returns int
     language sql as 'select 2 * p_n + p_more';",
);
const TWICE_AS_TEXT: (&str, &str) = (
    "sql/things/twice.sql",
    "create or replace function ops.twice(p_n int) returns text language sql as 'select (2 * p_n)::text';",
);
const VIEW: (&str, &str) = (
    "sql/views/thing_overview.sql",
    "create or replace view ops.thing_overview as select id, size, ops.twice(size) as doubled from ops.things;",
);
const VIEW_REORDERED: (&str, &str) = (
    "sql/views/thing_overview.sql",
    "create or replace view ops.thing_overview as select ops.twice(size) as doubled, id from ops.things;",
);
const POLICY: (&str, &str) = (
    "sql/policies/things.sql",
    "create policy big_ones on ops.things for select to ops_reader using (ops.twice(size)::int > 2);",
);
const TRIGGER: (&str, &str) = (
    "sql/triggers/things.sql",
    "create trigger keep_things before delete on ops.things for each row execute function ops.keep_thing();",
);
const KEEP_THING: (&str, &str) = (
    "sql/things/keep_thing.sql",
    "create or replace function ops.keep_thing() returns trigger language plpgsql
     as 'begin return null; end';",
);

#[tokio::test]
async fn a_new_defaulted_argument_replaces_the_function() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("before");
    let applied = apply(&database, &schema(&[TWICE_WITH_DEFAULT, VIEW])).await.expect("after");
    assert_eq!(applied.dropped, ["function ops.twice(integer)"]);
    let client = database.superuser().await;
    assert_eq!(value(&client, "select ops.twice(4)::text").await.as_deref(), Some("8"));
    assert_eq!(objects(&client).await, ["function ops.twice(integer,integer)", "view ops.thing_overview"]);
}

#[tokio::test]
async fn a_renamed_function_leaves_nothing_of_its_old_name() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE])).await.expect("before");
    let renamed = (
        "sql/things/double.sql",
        "create or replace function ops.double(p_n int) returns int language sql as 'select 2 * p_n';",
    );
    let applied = apply(&database, &schema(&[renamed])).await.expect("after");
    assert_eq!(applied.dropped, ["function ops.twice(integer)"]);
    assert_eq!(objects(&database.superuser().await).await, ["function ops.double(integer)"]);
}

#[tokio::test]
async fn a_view_may_lose_and_move_columns() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("before");
    let applied = apply(&database, &schema(&[TWICE, VIEW_REORDERED])).await.expect("after");
    assert!(applied.dropped.is_empty(), "{applied:?}");
    let columns = "select string_agg(attname, ' ' order by attnum) from pg_attribute
        where attrelid = 'ops.thing_overview'::regclass";
    let client = database.superuser().await;
    assert_eq!(value(&client, columns).await.as_deref(), Some("doubled id"));
}

#[tokio::test]
async fn a_new_result_type_takes_our_own_dependents_along_and_brings_them_back() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW, POLICY])).await.expect("before");
    apply(&database, &schema(&[TWICE_AS_TEXT, VIEW, POLICY])).await.expect("after");
    let client = database.superuser().await;
    assert_eq!(
        objects(&client).await,
        ["function ops.twice(integer)", "policy big_ones on ops.things", "view ops.thing_overview"]
    );
    let column_type = "select format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = 'ops.thing_overview'::regclass and attname = 'doubled'";
    assert_eq!(value(&client, column_type).await.as_deref(), Some("text"));
}

#[tokio::test]
async fn what_the_files_no_longer_contain_is_dropped() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW, POLICY, KEEP_THING, TRIGGER])).await.expect("before");
    let applied = apply(&database, &schema(&[])).await.expect("after");
    assert_eq!(applied.dropped.len(), 5, "{applied:?}");
    assert!(objects(&database.superuser().await).await.is_empty());
}

#[tokio::test]
async fn what_somebody_else_made_is_left_alone() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("before");
    let client = database.superuser().await;
    client
        .batch_execute(
            "create function ops.theirs() returns int language sql as 'select 1';
             create view public.report as select * from ops.thing_overview;
             create policy theirs on ops.things for select to public using (true);",
        )
        .await
        .expect("make things by hand");
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("after");
    let there = objects(&client).await;
    assert!(there.contains(&"function ops.theirs()".to_owned()), "{there:?}");
    assert!(there.contains(&"policy theirs on ops.things".to_owned()), "{there:?}");
    assert_eq!(value(&client, "select count(*)::text from public.report").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_users_dependent_is_an_error_that_names_it_and_nothing_changes() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("before");
    let client = database.superuser().await;
    client
        .batch_execute("create view public.report as select doubled from ops.thing_overview")
        .await
        .expect("a view of somebody's own");
    let before = objects(&client).await;
    for changed in [
        schema(&[TWICE, VIEW_REORDERED]),
        schema(&[TWICE_AS_TEXT, VIEW]),
        schema(&[TWICE]),
        schema(&[TWICE_WITH_DEFAULT, VIEW]),
    ] {
        let error = apply(&database, &changed).await.expect_err("a dependent");
        let MigrateError::Dependent { object, dependents } = &error else { panic!("{error:?}") };
        assert_eq!(object, "view ops.thing_overview");
        assert!(dependents.contains("view public.report depends on"), "{error}");
        assert_eq!(objects(&client).await, before);
    }
}

#[tokio::test]
async fn a_file_that_drops_what_somebody_needs_is_the_same_error() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE, VIEW])).await.expect("before");
    let report = "create view public.report as select doubled from ops.thing_overview";
    database.superuser().await.batch_execute(report).await.expect("a view of somebody's own");
    let again = ("sql/views/thing_overview.sql", "drop view ops.thing_overview; select 1;");
    let error = apply(&database, &schema(&[TWICE, again])).await.expect_err("a dependent");
    let MigrateError::Dependent { object, dependents } = &error else { panic!("{error:?}") };
    assert_eq!(object, "what sql/views/thing_overview.sql replaces");
    assert!(dependents.contains("view public.report depends on"), "{error}");
}

#[tokio::test]
async fn a_file_that_fails_is_named_with_its_line_and_nothing_changes() {
    let database = TestDatabase::empty().await;
    apply(&database, &schema(&[TWICE])).await.expect("before");
    let broken = (
        "sql/views/broken.sql",
        "create or replace view ops.broken as\nselect no_such_column\nfrom ops.things;",
    );
    let error = apply(&database, &schema(&[TWICE_WITH_DEFAULT, broken])).await.expect_err("a broken view");
    let MigrateError::File { file, refusal } = &error else { panic!("{error:?}") };
    assert_eq!(file, "sql/views/broken.sql:2");
    assert_eq!(refusal.sqlstate, "42703");
    assert_eq!(objects(&database.superuser().await).await, ["function ops.twice(integer)"]);
}

#[tokio::test]
async fn functions_may_name_what_comes_later() {
    let database = TestDatabase::empty().await;
    let early = (
        "sql/a/early.sql",
        "create or replace function ops.early() returns bigint language sql as 'select ops.later()';",
    );
    let later = (
        "sql/b/later.sql",
        "create or replace function ops.later() returns bigint language sql
         as 'select count(*) from ops.thing_overview';",
    );
    apply(&database, &schema(&[early, later, TWICE, VIEW])).await.expect("apply");
    let client = database.superuser().await;
    assert_eq!(value(&client, "select ops.early()::text").await.as_deref(), Some("0"));
    let owners = "select string_agg(distinct pg_get_userbyid(proowner), ' ') from pg_proc
        where pronamespace = 'ops'::regnamespace";
    assert_eq!(value(&client, owners).await.as_deref(), Some("ops_owner"));
}
