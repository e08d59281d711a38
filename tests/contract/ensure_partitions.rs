//! `ensure_partitions`: history by month, made ahead of time.

use super::scene::{Scene, code, run, value, values};
use crate::support::signals::within_limit;

const PARTITIONS: &str = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid \
     where i.inhparent = 'ops.run_events'::regclass order by 1";

#[tokio::test]
async fn this_month_and_the_next_three_are_there() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let expected = "select to_char(m, '\"run_events_\"YYYYMM') from generate_series( \
         date_trunc('month', now() at time zone 'UTC'), \
         date_trunc('month', now() at time zone 'UTC') + interval '3 months', '1 month') m order by 1";
    let expected: Vec<String> = values(&superuser, expected, &[]).await;
    assert_eq!(values::<String>(&superuser, PARTITIONS, &[]).await, expected);
    assert_eq!(value::<i32>(&superuser, "select ops.ensure_partitions()", &[]).await, 0);
}

#[tokio::test]
async fn the_reaper_makes_them_while_history_is_written() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let before = values::<String>(&superuser, PARTITIONS, &[]).await.len();
    scene.put_clock_forward(75 * 24 * 3600).await;
    let writer = scene.database.superuser().await;
    writer.batch_execute("begin").await.expect("begin");
    run(&writer, "select ops.enqueue_run('acme', 'test')", &[]).await;
    run(&scene.worker, "select ops.reap_lost_runs()", &[]).await;
    writer.batch_execute("commit").await.expect("commit");
    assert!(values::<String>(&superuser, PARTITIONS, &[]).await.len() > before);
}

#[tokio::test]
async fn every_partition_is_shut_like_its_parent() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let name: String = values(&superuser, PARTITIONS, &[]).await.remove(0);
    scene.queued().await;
    for statement in ["update {} set actor = 'x'", "delete from {}", "truncate {}"] {
        let sql = statement.replace("{}", &format!("ops.{name}"));
        assert_eq!(code(&superuser, &sql, &[]).await, "OP007", "{sql}");
    }
    assert_eq!(code(&scene.operator, &format!("select from ops.{name}"), &[]).await, "42501");
    let open = "select count(*) from pg_class where relispartition and relkind = 'r' and not relrowsecurity";
    assert_eq!(value::<i64>(&superuser, open, &[]).await, 0);
}

#[tokio::test]
async fn a_long_reader_beside_a_default_partition_holds_up_nobody() {
    let scene = Scene::new().await;
    let (superuser, reader) = (scene.database.superuser().await, scene.database.superuser().await);
    // As in a database with older senders of events (sql/older/events/columns.sql).
    let default = "create table ops.run_events_older partition of ops.run_events \
         (constraint run_events_older_stays_empty check (false)) default; \
         alter table ops.run_events_older enable row level security";
    superuser.batch_execute(default).await.expect("a default partition");
    let before = values::<String>(&superuser, PARTITIONS, &[]).await.len();
    reader.batch_execute("begin; select from ops.run_events").await.expect("a reader");

    scene.put_clock_forward(75 * 24 * 3600).await;
    let call = value::<i32>(&superuser, "select ops.ensure_partitions()", &[]);
    let made = within_limit("an answer in spite of the reader", call).await;
    assert_eq!(values::<String>(&superuser, PARTITIONS, &[]).await.len(), before, "left for the next time");
    assert!(made > 0, "those of run_log_chunks, which nobody reads");

    reader.batch_execute("commit").await.expect("it ends");
    assert_eq!(value::<i32>(&superuser, "select ops.ensure_partitions()", &[]).await, made);
    assert_eq!(values::<String>(&superuser, PARTITIONS, &[]).await.len(), before + made as usize);

    reader.batch_execute("begin; select from ops.run_events").await.expect("a reader");
    scene.put_clock_forward(400 * 24 * 3600).await;
    let call = code(&superuser, "select ops.ensure_partitions()", &[]);
    let refused = within_limit("a refusal in spite of the reader", call).await;
    assert_eq!(refused, "55P03", "this month's is not left out in silence");
}
