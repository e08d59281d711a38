//! Hints by `realtime.send`: sent where it exists, seldom, to members only, and never in the way.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::console::document::realtime_grants;
use super::member::Member;
use super::scene::{Claim, Scene, run, value, values};
use crate::support::postgres_roles::Login;

const REALTIME: &str = include_str!("../fixtures/supabase/realtime.sql");

/// A scene with Realtime, opened as `docs/console.md` says.
async fn with_realtime() -> Scene {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    superuser.batch_execute(REALTIME).await.expect("a stand-in of Realtime");
    superuser.batch_execute(&realtime_grants()).await.expect("the grants of docs/console.md");
    scene
}

async fn append(scene: &Scene, claim: Claim, first_seq: i64) -> i64 {
    let sql = "select ops.append_run_logs($1, $2, $3, array[null::text, null], array[now(), now()], \
         array['info', 'info'], array['a', 'b'])";
    value(&scene.worker, sql, &[&claim.id, &claim.token, &first_seq]).await
}

/// `event topic payload` of what was sent, oldest first.
async fn sent(scene: &Scene, event: &str) -> Vec<String> {
    let sql = "select concat_ws(' ', topic, private, payload - 'run_id') from realtime.messages \
         where event = $1 and payload ->> 'run_id' = substr(topic, 9) order by inserted_at";
    values(&scene.database.superuser().await, sql, &[&event]).await
}

/// As if the last hint had been sent a second ago.
async fn a_second_later(scene: &Scene) {
    let sql = "update ops.run_attempts set hinted_at = hinted_at - interval '1 s'";
    run(&scene.database.superuser().await, sql, &[]).await;
}

#[tokio::test]
async fn lines_are_hinted_at_once_and_then_once_a_second() {
    let scene = with_realtime().await;
    let claim = scene.running().await;
    let begun = Instant::now();
    for batch in 0..20 {
        append(&scene, claim, 1 + 2 * batch).await;
    }
    let hints = sent(&scene, "log").await;
    let most = 1 + begun.elapsed().as_secs() as usize;
    assert!((1..=most).contains(&hints.len()), "{hints:?} in {:?}", begun.elapsed());
    let first = format!("ops:run:{} t {{\"attempt\": 1, \"next_seq\": 3}}", claim.id);
    assert_eq!(hints[0], first);
    a_second_later(&scene).await;
    let one = "select ops.append_run_log($1, 'info', 'one', p_claim_token => $2)";
    run(&scene.worker, one, &[&claim.id, &claim.token]).await;
    let last = sent(&scene, "log").await.pop().expect("a hint");
    assert!(last.ends_with("\"next_seq\": 42}"), "{last}");
}

#[tokio::test]
async fn a_repeated_batch_and_a_refused_one_hint_nothing() {
    let scene = with_realtime().await;
    let claim = scene.running().await;
    append(&scene, claim, 1).await;
    a_second_later(&scene).await;
    let repeat = "select ops.append_run_logs($1, $2, 1, array[null::text, null], \
         (select timestamps from ops.run_log_chunks), array['info', 'info'], array['a', 'b'])";
    run(&scene.database.superuser().await, repeat, &[&claim.id, &claim.token]).await;
    assert_eq!(sent(&scene, "log").await.len(), 1);
}

#[tokio::test]
async fn the_next_attempt_waits_a_second_from_its_claim() {
    let scene = with_realtime().await;
    let first = scene.running().await;
    append(&scene, first, 1).await;
    let release = "select ops.release_run($1, $2, 'draining')";
    run(&scene.worker, release, &[&first.id, &first.token]).await;
    scene.make_due().await;
    let second = scene.claim().await;
    let claimed = Instant::now();
    append(&scene, second, 1).await;
    let early = sent(&scene, "log").await.len();
    assert!(early == 1 || claimed.elapsed() > Duration::from_millis(900), "{early} hints");
    let sql = "update ops.run_attempts set started_at = started_at - interval '1 s' where attempt = 2";
    run(&scene.database.superuser().await, sql, &[]).await;
    append(&scene, second, 3).await;
    assert_eq!(sent(&scene, "log").await.len(), 2);
}

#[tokio::test]
async fn each_change_of_status_is_hinted_and_queueing_is_not() {
    let scene = with_realtime().await;
    let claim = scene.succeeded().await;
    let other = scene.queued().await;
    scene.cancel(other).await;
    let expected: Vec<String> = [
        (claim.id, 1, "claimed"),
        (claim.id, 1, "running"),
        (claim.id, 1, "succeeded"),
        (other, 0, "canceled"),
    ]
    .iter()
    .map(|(id, attempt, status)| {
        format!("ops:run:{id} t {{\"status\": \"{status}\", \"attempt\": {attempt}}}")
    })
    .collect();
    assert_eq!(sent(&scene, "status").await, expected);
}

#[tokio::test]
async fn members_may_listen_to_runs_of_their_projects() {
    let scene = with_realtime().await;
    let claim = scene.running().await;
    append(&scene, claim, 1).await;
    for (role, seen) in [(Some("viewer"), true), (None, false)] {
        let mut member = Member::new(&scene, role).await;
        for (topic, expected) in [
            (format!("ops:run:{}", claim.id), seen),
            (format!("ops:run:{}", Uuid::new_v4()), false),
            ("chat".to_owned(), false),
            ("ops:run:not-a-uuid".to_owned(), false),
        ] {
            // Realtime asks this of the policies when somebody joins a private topic.
            let joins = member.joins(&topic).await;
            assert_eq!(joins, expected, "{role:?} joins {topic}");
        }
    }
}

impl Member {
    /// Whether the policies let the user read messages of a topic.
    async fn joins(&mut self, topic: &str) -> bool {
        let sql = "select set_config('realtime.topic', $1, false)";
        self.value::<String>(sql, &[&topic]).await.expect("a topic");
        self.value("select exists (select from realtime.messages)", &[]).await.expect("an answer")
    }
}

#[tokio::test]
async fn without_realtime_nothing_is_kept_or_called() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    append(&scene, claim, 1).await;
    let sql = "select count(*) from ops.run_attempts where hinted_at is not null";
    let superuser = scene.database.superuser().await;
    assert_eq!(value::<i64>(&superuser, sql, &[]).await, 0);
    let event = "explain (analyze, costs off, timing off, summary off) insert into ops.run_events \
         select run_id, project_id, attempt, 'running', 'failed', 'x', null, '{}', now() \
         from ops.run_attempts";
    let plan: Vec<String> = values(&superuser, event, &[]).await;
    assert!(!plan.iter().any(|line| line.contains("hint_run_status")), "{plan:?}");
    superuser.batch_execute(REALTIME).await.expect("a stand-in of Realtime");
    let plan: Vec<String> = values(&superuser, event, &[]).await;
    assert!(plan.iter().any(|line| line.contains("hint_run_status")), "the plan would show it: {plan:?}");
}

#[tokio::test]
async fn whatever_is_wrong_with_realtime_costs_no_line_and_no_change() {
    for (fault, damage) in [
        ("not permitted", "revoke all on schema realtime from ops_owner"),
        ("no right to insert", "revoke insert on realtime.messages from ops_owner"),
        ("no policy", "drop policy ops_send_hints on realtime.messages"),
        ("gone", "drop function realtime.send"),
        (
            "raises",
            "create or replace function realtime.send(payload jsonb, event text, topic text, \
             private boolean default true) returns void language plpgsql as \
             $$ begin raise exception 'out of order' using errcode = 'OP003'; end $$",
        ),
        ("another signature", "alter function realtime.send(jsonb, text, text, boolean) rename to sent"),
        ("no table", "drop table realtime.messages"),
    ] {
        let scene = with_realtime().await;
        scene.database.superuser().await.batch_execute(damage).await.expect(fault);
        let claim = scene.running().await;
        assert_eq!(append(&scene, claim, 1).await, 3, "{fault}");
        assert_eq!(append(&scene, claim, 3).await, 5, "{fault}");
        assert_eq!(scene.succeed(claim).await, "succeeded", "{fault}");
        let lines = "select count(*) from ops.run_logs";
        assert_eq!(value::<i64>(&scene.operator, lines, &[]).await, 4, "{fault}");
    }
}

#[tokio::test]
async fn a_locked_table_holds_nobody_up() {
    let scene = with_realtime().await;
    let claim = scene.running().await;
    let holder = scene.database.superuser().await;
    holder.batch_execute("begin; lock table realtime.messages").await.expect("a lock");
    run(&scene.worker, "set statement_timeout = '10s'", &[]).await;
    assert_eq!(append(&scene, claim, 1).await, 3);
    holder.batch_execute("commit").await.expect("commit");
    assert_eq!(sent(&scene, "log").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_function_of_somebody_without_our_rights_is_not_called() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let stranger = Login::Nobody.name();
    let grant = format!("grant create on database {} to {stranger}", scene.database.name());
    superuser.batch_execute(&grant).await.expect("a right");
    let trap = scene.database.login(Login::Nobody).await;
    trap.batch_execute(
        "create schema realtime; create table realtime.caught (rights text); \
         grant usage on schema realtime to public; grant insert on realtime.caught to public; \
         create function realtime.send(payload jsonb, event text, topic text, private boolean) \
         returns void language sql as 'insert into realtime.caught values (current_user)'",
    )
    .await
    .expect("a trap");
    let claim = scene.running().await;
    append(&scene, claim, 1).await;
    assert_eq!(value::<i64>(&superuser, "select count(*) from realtime.caught", &[]).await, 0);
    superuser.batch_execute("alter function realtime.send owner to ops_owner").await.expect("another owner");
    a_second_later(&scene).await;
    append(&scene, claim, 3).await;
    let caught: String = value(&superuser, "select string_agg(rights, ' ') from realtime.caught", &[]).await;
    assert_eq!(caught, "ops_owner", "the trap works, and now it is ours");
}
