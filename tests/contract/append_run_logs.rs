//! `append_run_logs`: each line once, in order.

use uuid::Uuid;

use super::scene::{Claim, Scene, check_token_rules, code, refusal, row, run, value, values};

const APPEND: &str = "select ops.append_run_logs($1, $2, $3, array_fill('build'::text, array[cardinality($4::text[])]), \
     array_fill('2026-01-01Z'::timestamptz, array[cardinality($4::text[])]), array_fill('info'::text, array[cardinality($4::text[])]), $4::text[])";
const MESSAGES: &str = "select message from ops.run_logs where run_id = $1 order by attempt, seq";

async fn append(scene: &Scene, claim: Claim, first_seq: i64, messages: &[&str]) -> i64 {
    value(&scene.worker, APPEND, &[&claim.id, &claim.token, &first_seq, &messages]).await
}

#[tokio::test]
async fn batches_follow_each_other_from_line_1() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    assert_eq!(append(&scene, claim, 1, &["a", "b"]).await, 3);
    assert_eq!(append(&scene, claim, 3, &["c"]).await, 4);
    assert_eq!(values::<String>(&scene.operator, MESSAGES, &[&claim.id]).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn steps_times_and_levels_stay_with_their_lines() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select ops.append_run_logs($1, $2, 1, '{x,null,y,y}', \
         '{2026-01-01 00:00:01Z,2026-01-01 00:00:02Z,2026-01-01 00:00:03Z,2026-01-01 00:00:04Z}', \
         '{debug,error,warning,info}', '{1,2,3,4}')";
    run(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    let sql = "select concat_ws(' ', seq, coalesce(step, '-'), level, message, \
         extract(second from timestamp)::int) from ops.run_logs order by timestamp";
    assert_eq!(
        values::<String>(&scene.operator, sql, &[]).await,
        ["1 x debug 1 1", "2 - error 2 2", "3 y warning 3 3", "4 y info 4 4"]
    );
}

#[tokio::test]
async fn a_repeated_batch_changes_nothing_however_it_is_cut() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    append(&scene, claim, 1, &["a", "b"]).await;
    append(&scene, claim, 3, &["c", "d"]).await;
    for (first, lines) in [(1, &["a", "b"][..]), (2, &["b", "c"]), (1, &["a", "b", "c", "d"]), (4, &["d"])] {
        assert_eq!(append(&scene, claim, first, lines).await, 5);
    }
    assert_eq!(values::<String>(&scene.operator, MESSAGES, &[&claim.id]).await.len(), 4);
}

#[tokio::test]
async fn anything_else_is_a_conflict_that_tells_the_next_number() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    append(&scene, claim, 1, &["a", "b"]).await;
    for (first, lines) in
        [(4_i64, vec!["gap"]), (1, vec!["a", "other"]), (2, vec!["b", "c"]), (0, vec!["zero"])]
    {
        let refused = refusal(&scene.worker, APPEND, &[&claim.id, &claim.token, &first, &lines]).await;
        assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("OP005", "next_seq 3"), "{first}");
    }
}

#[tokio::test]
async fn every_attempt_numbers_its_own_lines() {
    let scene = Scene::new().await;
    let first = scene.running().await;
    append(&scene, first, 1, &["first"]).await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&first.id, &first.token]).await;
    let second = scene.claim().await;
    assert_eq!(append(&scene, second, 1, &["second"]).await, 2);
    assert_eq!(values::<String>(&scene.operator, MESSAGES, &[&first.id]).await, ["first", "second"]);
}

#[tokio::test]
async fn late_lines_find_their_place_until_the_log_is_finished() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    assert_eq!(append(&scene, claim, 1, &["late"]).await, 2);
    let sum = "0".repeat(64);
    let finish = "select ops.finish_run_log($1, $2, 5, 1, $3)";
    run(&scene.worker, finish, &[&claim.id, &claim.token, &sum]).await;
    assert_eq!(code(&scene.worker, APPEND, &[&claim.id, &claim.token, &2_i64, &vec!["x"]]).await, "OP002");
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules("select ops.append_run_logs($1, $2, 1, '{s}', '{now}', '{info}', '{hello}')").await;
}

#[tokio::test]
async fn malformed_batches_are_refused_by_name() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for (arguments, argument) in [
        ("null, '{s}', '{now}', '{info}', '{m}'", "p_first_seq"),
        ("1, '{}', '{}', '{}', '{}'", "p_messages"),
        ("1, '{s}', '{now}', '{info}', '{null}'", "p_messages"),
        ("1, '{s,s}', '{now}', '{info}', '{m}'", "p_steps"),
        ("1, '{s}', '{}', '{info}', '{m}'", "p_timestamps"),
        ("1, '{s}', '{null}', '{info}', '{m}'", "p_timestamps"),
        ("1, '{s}', '{now}', '{loud}', '{m}'", "p_levels"),
        ("1, '{s}', '{now}', '{null}', '{m}'", "p_levels"),
        ("1, '{s}', '{now}', '{info,info}', '{m}'", "p_levels"),
    ] {
        let sql = format!("select ops.append_run_logs($1, $2, {arguments})");
        let refused = refusal(&scene.worker, &sql, &[&claim.id, &claim.token]).await;
        assert_eq!(refused.code, "OP004", "{arguments}");
        assert!(refused.message.starts_with(argument), "{arguments}: {}", refused.message);
    }
}

#[tokio::test]
async fn a_thousand_lines_are_one_row_and_smaller_than_their_text() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let lines: Vec<String> = (0..1000)
        .map(|line| format!("2026-02-14 09:00:00,123 42 INFO db odoo.modules.loading: module {line} loaded"))
        .collect();
    run(&scene.worker, APPEND, &[&claim.id, &claim.token, &1_i64, &lines]).await;
    let stored = row(
        &scene.operator,
        "select count(*), sum(pg_column_size(c.*))::bigint from ops.run_log_chunks c where run_id = $1",
        &[&claim.id],
    )
    .await;
    assert_eq!(stored.get::<_, i64>(0), 1);
    let text: usize = lines.iter().map(String::len).sum();
    assert!(stored.get::<_, i64>(1) < i64::try_from(text).expect("small"), "{stored:?} for {text} bytes");
    let unknown = Uuid::nil();
    assert!(values::<String>(&scene.operator, MESSAGES, &[&unknown]).await.is_empty());
}

#[tokio::test]
async fn a_repeat_with_other_steps_times_or_levels_is_a_conflict() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let batch = |steps: &str, times: &str, levels: &str| {
        format!("select ops.append_run_logs($1, $2, 1, '{steps}', '{times}', '{levels}', '{{a,b}}')")
    };
    let (steps, times, levels) = ("{x,null}", "{2026-01-01Z,2026-01-02Z}", "{info,error}");
    for _ in 0..2 {
        let next: i64 = value(&scene.worker, &batch(steps, times, levels), &[&claim.id, &claim.token]).await;
        assert_eq!(next, 3);
    }
    for other in [
        batch("{x,y}", times, levels),
        batch(steps, "{2026-01-01Z,2026-01-03Z}", levels),
        batch(steps, times, "{info,info}"),
    ] {
        assert_eq!(code(&scene.worker, &other, &[&claim.id, &claim.token]).await, "OP005", "{other}");
    }
}
