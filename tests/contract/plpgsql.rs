//! `plpgsql_check` over every function, because PostgreSQL's own checks are late.

use super::scene::{Scene, values};

#[tokio::test]
async fn no_function_has_an_error_that_only_its_call_would_show() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    superuser
        .batch_execute("create extension plpgsql_check")
        .await
        .expect("the Debian package postgresql-<major>-plpgsql-check");
    // The call of a function that is there on Supabase only is checked, too.
    superuser
        .batch_execute(include_str!("../fixtures/supabase/realtime.sql"))
        .await
        .expect("a stand-in of Realtime");
    // So are the calls of what only databases with an older generation have.
    superuser
        .batch_execute(
            "create function ops.heartbeat_agent_run(uuid, text) returns boolean language sql as 'select true';
             create function ops.cancel_agent_run(uuid) returns boolean language sql as 'select true'",
        )
        .await
        .expect("stand-ins of sql/older/runs");
    let sql = "select p.proname || ': ' || c from pg_proc p \
         join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql' \
         left join pg_trigger t on t.tgfoid = p.oid and t.tgparentid = 0 \
         cross join lateral plpgsql_check_function(p.oid, relid => coalesce(t.tgrelid, 0), \
           newtable => t.tgnewtable, fatal_errors => false) c \
         where p.pronamespace = 'ops'::regnamespace \
           and (p.prorettype <> 'trigger'::regtype or t.oid is not null) and c like 'error:%'";
    assert_eq!(values::<String>(&superuser, sql, &[]).await, Vec::<String>::new());
}
