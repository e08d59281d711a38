//! A migration that is cut off, wherever that is, is finished by calling migrate again.

use odooops::contract::migrate::{self, MigrateError, Schema};

use super::fixture::apply;
use crate::support::postgres::TestDatabase;

/// What migrate does, by command tag, with an object of that kind.
const MOMENTS: [(&str, &str); 10] = [
    ("CREATE TABLE", "ops.schema_objects"),
    ("CREATE TYPE", "ops.project_status"),
    ("CREATE TABLE", "ops.runs"),
    ("CREATE TYPE", "ops.fleet_worker"),
    ("CREATE FUNCTION", "ops.ensure_partitions()"),
    ("CREATE VIEW", "ops.queue_overview"),
    ("CREATE TRIGGER", "prepare_run on ops.runs"),
    ("CREATE POLICY", "operators_read on ops.runs"),
    ("GRANT", ""),
    ("ALTER TABLE", "ops.run_events"),
];

/// Lets a moment of migrate's end in `end`, a statement of plpgsql.
async fn cut_off(database: &TestDatabase, (tag, object): (&str, &str), end: &str) -> MigrateError {
    let client = database.superuser().await;
    client
        .batch_execute(&format!(
            "create or replace function public.cut_off() returns event_trigger language plpgsql as $$
             begin
               if exists (select from pg_catalog.pg_event_trigger_ddl_commands() d
                 where '{object}' in ('', d.object_identity))
               then {end}; end if;
             end $$;
             create event trigger cut_off on ddl_command_end when tag in ('{tag}')
             execute function public.cut_off()"
        ))
        .await
        .expect("plant a fault");
    let failed = apply(database, &Schema::embedded()).await;
    client.batch_execute("drop event trigger cut_off").await.expect("remove the fault");
    failed.expect_err(&format!("{tag} {object} is cut off"))
}

#[tokio::test]
async fn a_statement_that_fails_leaves_nothing_in_the_way_of_the_next_migrate() {
    let database = TestDatabase::empty().await;
    for moment in MOMENTS {
        let failed = cut_off(&database, moment, "raise exception 'planted'").await;
        assert!(failed.to_string().contains("planted"), "{moment:?}: {failed}");
    }
    apply(&database, &Schema::embedded()).await.expect("finish");
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("check"), []);
}

#[tokio::test]
async fn a_server_process_that_dies_leaves_nothing_in_the_way_of_the_next_migrate() {
    let database = TestDatabase::empty().await;
    for moment in MOMENTS {
        let end = "perform pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())";
        let failed = cut_off(&database, moment, end).await;
        assert!(
            matches!(failed, MigrateError::Contract(_) | MigrateError::File { .. }),
            "{moment:?}: {failed}"
        );
    }
    apply(&database, &Schema::embedded()).await.expect("finish");
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("check"), []);
}
