//! Whose rights go on over older tables, whose end, and that nobody gains any.

use odooops::contract::migrate::{self, MigrateError, Schema};
use tokio_postgres::Client;

use super::harness::{self, Combination, load};
use crate::contract::fixture::{apply, value};
use crate::support::postgres::{TestDatabase, connect, server_url};
use crate::support::postgres_roles::{Login, PASSWORD, Request};

/// A combination, some statements by its superuser, and ours over it.
async fn migrated(combination: &Combination, statements: &str) -> (TestDatabase, Client) {
    let database = load(combination).await;
    let client = database.superuser().await;
    client.batch_execute(statements).await.expect("as somebody left it");
    apply(&database, &Schema::embedded()).await.expect("migrate");
    assert_eq!(migrate::check(&database.superuser_settings()).await.expect("a check"), []);
    (database, client)
}

async fn sqlstate(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => "done".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

async fn sqlstate_of(database: &TestDatabase, request: Request, sql: &str) -> String {
    let mut postgrest = database.postgrest().await;
    let transaction = postgrest.request(request).await;
    match transaction.batch_execute(sql).await {
        Ok(()) => {
            transaction.commit().await.expect("commit");
            "done".to_owned()
        }
        Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

#[tokio::test]
async fn a_former_owner_and_grantees_read_and_write_and_no_more() {
    let (owner, friend, stranger) =
        ("odooops_test_nobody", "odooops_test_reader", "odooops_test_other_worker");
    let left = format!(
        "grant usage, create on schema ops to {owner}, {friend}, {stranger};
         alter table ops.runs owner to {owner}; alter table ops.run_events owner to {owner};
         set role {owner};
         grant select, insert on ops.runs to {friend} with grant option;
         grant all on ops.run_events to {friend}; grant select on ops.runs to anon, public;
         set role {friend}; grant select on ops.runs to {stranger}; reset role"
    );
    let (database, client) = migrated(&harness::A2, &left).await;
    let held = "select string_agg(concat_ws(' ', r, p), ', ' order by r, p)
        from unnest(array['odooops_test_nobody', 'odooops_test_reader', 'odooops_test_other_worker', 'anon']) r,
          unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger',
            'select with grant option']) p
        where has_table_privilege(r, 'ops.agent_runs', p)";
    assert_eq!(
        value(&client, held).await.as_deref(),
        Some(
            "odooops_test_nobody delete, odooops_test_nobody insert, odooops_test_nobody select, \
             odooops_test_nobody update, odooops_test_other_worker select, odooops_test_reader insert, \
             odooops_test_reader select"
        )
    );
    let count = "select count(*)::text from ops.agent_runs";
    let all = value(&client, count).await;
    assert_ne!(all.as_deref(), Some("0"));
    for login in [Login::Nobody, Login::Reader, Login::OtherWorker] {
        let theirs = database.login(login).await;
        assert_eq!(value(&theirs, count).await, all, "{login:?} sees what it saw");
        // The number behind the column is theirs as well.
        let insert = "insert into ops.agent_events (message) values ('by hand')";
        let expected = if login == Login::OtherWorker { "42501" } else { "done" };
        assert_eq!(sqlstate(&theirs, insert).await, expected, "{login:?}");
        for refused in [
            "truncate ops.agent_events",
            "create trigger t before insert on ops.agent_events for each row
               execute function suppress_redundant_updates_trigger()",
            "alter table ops.agent_runs add column mine text",
            "create table ops.mine (a int)",
        ] {
            assert_eq!(sqlstate(&theirs, refused).await, "42501", "{login:?}: {refused}");
        }
    }
    let ended = "select note from ops.older_objects where older_identity = 'ops.runs'";
    let ended = value(&client, ended).await.expect("a note");
    for said in ["SELECT of anon", "SELECT of PUBLIC", "INSERT of odooops_test_reader may not be granted on"]
    {
        assert!(ended.contains(said), "{said}: {ended}");
    }
}

#[tokio::test]
async fn a_trigger_of_somebody_without_our_rights_is_refused() {
    let database = load(&harness::A3).await;
    let client = database.superuser().await;
    client
        .batch_execute(
            "create function public.spy() returns trigger language plpgsql as 'begin return new; end';
             alter function public.spy owner to odooops_test_nobody;
             create trigger spy before insert on ops.runs for each row execute function public.spy()",
        )
        .await
        .expect("a trigger");
    let refused = apply(&database, &Schema::embedded()).await.expect_err("somebody's code");
    let MigrateError::InTheWay { problems } = &refused else { panic!("{refused:?}") };
    assert!(
        matches!(&problems[..], [one] if one.contains("public.spy() of role odooops_test_nobody")),
        "{problems:?}"
    );
    client.batch_execute("alter function public.spy owner to postgres").await.expect("as the error says");
    apply(&database, &Schema::embedded()).await.expect("migrate");
}

#[tokio::test]
async fn forced_row_level_security_does_not_stop_our_functions() {
    let (database, client) = migrated(
        &harness::A1_A2,
        "alter table ops.runs enable row level security, force row level security;
         alter table ops.run_events force row level security;
         alter table ops.executors enable row level security, force row level security;
         insert into ops.executors (name) values ('forced');
         insert into ops.runs (kind, spec, artifact_base_uri, priority) values ('sql', '{}', 's3://b', -1)",
    )
    .await;
    for call in [
        "select ops.claim_run(id) from ops.executors where name = 'forced'",
        "do $$ begin
           if not ops.start_run((select id from ops.agent_runs where priority = -1)) then
             raise 'not started';
           end if;
         end $$",
        "do $$ begin
           if not ops.complete_run((select id from ops.agent_runs where priority = -1)) then
             raise 'not completed';
           end if;
         end $$",
    ] {
        // The executors' own policies hold back a service role that does not bypass them.
        let call = call.replace(
            "select ops.claim_run(id) from ops.executors where name = 'forced'",
            &format!(
                "select ops.claim_run('{}')",
                value(&client, "select id::text from ops.executors where name = 'forced'")
                    .await
                    .expect("an id")
            ),
        );
        assert_eq!(sqlstate_of(&database, Request::Service, &call).await, "done", "{call}");
    }
    let state = "select status::text from ops.agent_runs where priority = -1";
    assert_eq!(value(&client, state).await.as_deref(), Some("succeeded"));
}

#[tokio::test]
async fn who_could_not_write_events_before_cannot_now() {
    let (database, client) = migrated(
        &harness::A1,
        // Row level security without a policy held both back.
        "grant insert on ops.run_events to authenticated, anon",
    )
    .await;
    let insert = "insert into ops.run_events (event_id, level, message) values ('e', 'info', 'm')";
    let user = Request::User(uuid::Uuid::now_v7());
    assert_eq!(sqlstate_of(&database, user, insert).await, "42501");
    assert_eq!(sqlstate_of(&database, Request::Anon, insert).await, "42501");
    assert_eq!(sqlstate_of(&database, Request::Service, insert).await, "done");
    client
        .batch_execute(
            "create policy theirs on ops.agent_events for insert to authenticated with check (level = 'info')",
        )
        .await
        .expect("a policy that lets users in");
    assert_eq!(sqlstate_of(&database, user, insert).await, "done");
    let error = insert.replace("'info'", "'error'");
    assert_eq!(sqlstate_of(&database, user, &error).await, "42501");
    let project =
        "insert into ops.run_events (event_id, message, project_id) values ('e', 'm', gen_random_uuid())";
    assert_eq!(sqlstate_of(&database, Request::Service, project).await, "42501");
    for incomplete in [
        "insert into ops.run_events (level, message) values ('info', 'm')",
        "insert into ops.run_events (event_id, level) values ('e', 'info')",
    ] {
        assert_eq!(sqlstate_of(&database, Request::Service, incomplete).await, "OP004", "{incomplete}");
    }
}

#[tokio::test]
async fn an_event_of_ours_never_stays_in_the_partition_of_older_senders() {
    let (_database, client) = migrated(&harness::A1_A2, "select 1").await;
    let ours = "insert into ops.run_events (run_id, project_id, attempt, actor, created_at)
        values ('00000000-0001-7000-8000-000000000000', gen_random_uuid(), 1, 'me', now())";
    // As for a month whose partition is missing.
    assert_eq!(sqlstate(&client, ours).await, "23514");
    assert_eq!(value(&client, "select ops.ensure_partitions()::text").await.as_deref(), Some("0"));
    let later = "create or replace function ops.clock() returns timestamptz language sql
        set search_path = '' as 'select clock_timestamp() + interval ''1 year'''";
    client.batch_execute(later).await.expect("a year later");
    assert_eq!(value(&client, "select ops.ensure_partitions()::text").await.as_deref(), Some("8"));
    let run = "insert into ops.run_events (run_id, message) select id, 'routed' from ops.agent_runs limit 1";
    client.batch_execute(run).await.expect("an executor's event");
    assert_eq!(value(&client, "select count(*)::text from ops.run_events").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn our_functions_take_agent_runs_where_theirs_had_the_name() {
    for (combination, canceled) in [(&harness::A2, "canceled"), (&harness::A3, "cancelled")] {
        let (database, client) = migrated(combination, "select 1").await;
        client
            .batch_execute("update ops.agent_runs set status = 'running', phase = null")
            .await
            .expect("they run");
        let id = "select min(id::text) from ops.agent_runs";
        let id = value(&client, id).await.expect("a run");
        let beat = format!("select ops.heartbeat_run(p_run_id => '{id}', p_phase => 'execute')");
        assert_eq!(sqlstate_of(&database, Request::Service, &beat).await, "done");
        let user = Request::User(uuid::Uuid::now_v7());
        assert_eq!(sqlstate_of(&database, user, &beat).await, "42501");
        let state = format!("select concat_ws(' ', status, phase) from ops.agent_runs where id = '{id}'");
        assert_eq!(value(&client, &state).await.as_deref(), Some("running execute"));
        let cancel = format!("select ops.cancel_run('{id}')");
        assert_eq!(sqlstate_of(&database, user, &cancel).await, "OP001");
        assert_eq!(sqlstate_of(&database, Request::Service, &cancel).await, "done");
        assert_eq!(value(&client, &state).await, Some(format!("{canceled} execute")));
        assert_eq!(sqlstate_of(&database, Request::Service, &beat).await, "OP001");
        let nobody = "select ops.cancel_run('00000000-0000-4000-8000-000000000000')";
        assert_eq!(sqlstate_of(&database, Request::Service, nobody).await, "OP001");
    }
}

#[tokio::test]
async fn views_and_policies_of_people_keep_working_on_what_moved() {
    let (_database, client) =
        migrated(&harness::A1_A3_C, "create view public.health as select * from ops.ingest_health_v").await;
    let read =
        "select (select count(*) from public.health)::text || (select count(*) from ops_older.projects)";
    let read = value(&client, read).await.expect("both answer");
    assert!(!read.starts_with('0') && !read.ends_with('0'), "{read}");
    let said =
        "select note from ops.older_objects where older_identity = 'ops.run_events' and kind = 'table'";
    assert!(value(&client, said).await.is_some_and(|note| note.contains("ops.ingest_health_v")));
}

#[tokio::test]
async fn whoever_owns_the_older_objects_can_migrate_over_them() {
    let database = load(&harness::A1_A3_C).await;
    let migrator = format!("odooops_test_owner_{}", std::process::id());
    let server = connect(&server_url()).await;
    let client = database.superuser().await;
    server
        .batch_execute(&format!(
            "drop role if exists {migrator}; create role {migrator} login password '{PASSWORD}';
             grant ops_owner to {migrator}; grant create on database {} to ops_owner",
            database.name()
        ))
        .await
        .expect("make the migrator");
    client
        .batch_execute(&format!(
            "alter schema ops owner to {migrator};
             do $$ declare v text; begin
               for v in
                 select format('table %s', oid::regclass) from pg_class
                 where relnamespace = 'ops'::regnamespace and relkind in ('r', 'v')
                 union all
                 select format('routine %s', oid::regprocedure) from pg_proc
                 where pronamespace = 'ops'::regnamespace
               loop
                 execute format('alter %s owner to {migrator}', v);
               end loop;
             end $$"
        ))
        .await
        .expect("everything is the migrator's");
    let settings = database.settings_as(&migrator);
    let first = migrate::apply(&settings, &Schema::embedded()).await;
    let again = migrate::apply(&settings, &Schema::embedded()).await;
    let drift = migrate::check(&settings).await;
    client.batch_execute(&format!("drop owned by {migrator} cascade")).await.expect("what it owns");
    server.batch_execute(&format!("drop role {migrator}")).await.expect("drop the migrator");
    first.expect("migrate");
    again.expect("migrate again");
    assert_eq!(drift.expect("check"), []);
}
