//! `read_run_log`: the lines after a number, in the time of what they are.

use uuid::Uuid;

use super::member::{every_member, try_as_each_role};
use super::scene::{Claim, Scene, code, run, value, values};

const APPEND: &str = "select ops.append_run_logs($1, $2, $3, array_fill(null::text, array[$4::int]), \
     array_fill(now(), array[$4::int]), array_fill('info'::text, array[$4::int]), \
     array(select 'line ' || n from generate_series($3::bigint, $3::bigint + $4::int - 1) n))";
const SEQS: &str =
    "select seq from ops.read_run_log($1, $2, p_limit => $3) with ordinality l order by ordinality";

async fn append(scene: &Scene, claim: Claim, first: i64, count: i32) {
    run(&scene.worker, APPEND, &[&claim.id, &claim.token, &first, &count]).await;
}

async fn seqs(scene: &Scene, id: Uuid, after: i64, limit: i32) -> Vec<i64> {
    values(&scene.operator, SEQS, &[&id, &after, &limit]).await
}

#[tokio::test]
async fn every_place_of_a_log_can_be_read_from() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for (first, count) in [(1, 3), (4, 1), (5, 4)] {
        append(&scene, claim, first, count).await;
    }
    for after in 0..9 {
        for limit in 1..9 {
            let expected: Vec<i64> = (after + 1..=8).take(limit as usize).collect();
            assert_eq!(seqs(&scene, claim.id, after, limit).await, expected, "{after} {limit}");
        }
    }
}

#[tokio::test]
async fn chunks_of_the_greatest_size_are_read_across() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    append(&scene, claim, 1, 10_000).await;
    append(&scene, claim, 10_001, 10_000).await;
    assert_eq!(seqs(&scene, claim.id, 9_998, 4).await, [9_999, 10_000, 10_001, 10_002]);
    assert_eq!(seqs(&scene, claim.id, 19_999, 4).await, [20_000]);
    assert_eq!(seqs(&scene, claim.id, 0, 10_000).await.len(), 10_000);
}

#[tokio::test]
async fn it_gives_what_the_view_gives() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select ops.append_run_logs($1, $2, 1, '{x,null,y}', array_fill(now(), array[3]), \
         '{debug,error,warning}', '{1,2,3}')";
    run(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    let one = "select ops.append_run_log($1, 'info', 'four', '{\"a\": 1}', $2)";
    run(&scene.worker, one, &[&claim.id, &claim.token]).await;
    let columns = "attempt, seq, step, timestamp, level, message, metadata::text";
    let view = format!("select {columns} from ops.run_logs where run_id = $1");
    let function = format!("select {columns} from ops.read_run_log($1)");
    let differ =
        format!("select count(*) from (({view} except {function}) union all ({function} except {view})) d");
    assert_eq!(value::<i64>(&scene.operator, &differ, &[&claim.id]).await, 0);
    let lines = "select count(*) from ops.read_run_log($1)";
    assert_eq!(value::<i64>(&scene.operator, lines, &[&claim.id]).await, 4);
}

#[tokio::test]
async fn the_latest_attempt_is_meant_unless_another_is_named() {
    let scene = Scene::new().await;
    let first = scene.running().await;
    append(&scene, first, 1, 2).await;
    assert_eq!(scene.lose_all_leases().await, 1);
    scene.make_due().await;
    let second = scene.claim().await;
    append(&scene, second, 1, 1).await;
    for (attempt, count) in [(None, 1), (Some(1), 2), (Some(2), 1), (Some(3), 0)] {
        let sql = "select count(*) from ops.read_run_log($1, p_attempt => $2)";
        assert_eq!(value::<i64>(&scene.operator, sql, &[&first.id, &attempt]).await, count, "{attempt:?}");
    }
}

#[tokio::test]
async fn the_end_of_a_long_log_is_read_without_its_beginning() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for batch in 0..30 {
        append(&scene, claim, 1 + batch * 1000, 1000).await;
    }
    let superuser = scene.database.superuser().await;
    let touched = "select coalesce(sum(idx_tup_fetch + seq_tup_read), 0)::bigint from pg_stat_xact_user_tables \
         where schemaname = 'ops' and relname like 'run_log_chunks%'";
    superuser.batch_execute("begin; set local enable_seqscan = off").await.expect("begin");
    let lines: i64 =
        value(&superuser, "select count(*) from ops.read_run_log($1, 29990)", &[&claim.id]).await;
    let rows: i64 = value(&superuser, touched, &[]).await;
    assert_eq!(lines, 10);
    assert!(rows <= 12, "{rows} of 30 chunks were read for the last ten lines");
}

#[tokio::test]
async fn members_read_and_strangers_do_not_find_the_run() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    append(&scene, claim, 1, 1).await;
    let sql = "select 1 from ops.read_run_log($1)";
    assert_eq!(try_as_each_role(&scene, sql, &[&claim.id]).await, every_member());
    assert_eq!(code(&scene.worker, sql, &[&claim.id]).await, "42501");
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    for arguments in ["-1", "null", "1000000000001", "0, null, 0", "0, null, 10001", "0, null, null"] {
        let sql = format!("select ops.read_run_log($1, {arguments})");
        assert_eq!(code(&scene.operator, &sql, &[&id]).await, "OP004", "{arguments}");
    }
    assert_eq!(seqs(&scene, id, 0, 10).await, Vec::<i64>::new(), "a run without a log");
}
