//! `complete_workflow_run`: how an attempt ends, and that it ends once.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Claim, Scene, check_token_rules, code, refusal, row, run, value};

const SUCCEED: &str = "select * from ops.complete_workflow_run($1, 0, null, $2)";
const COMPLETE: &str = "select status from ops.complete_workflow_run($1, $3, $4, $2, $5)";

#[tokio::test]
async fn exit_0_succeeds_and_keeps_the_result() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select * from ops.complete_workflow_run($1, 0, null, $2, null, '{\"image\": \"x\"}')";
    let state = row(&scene.worker, sql, &[&claim.id, &claim.token]).await;
    assert_eq!(state.get::<_, String>("status"), "succeeded");
    assert_eq!(state.get::<_, Option<String>>("failure_reason"), None);
    let kept = row(&scene.operator, "select result, exit_code from ops.runs", &[]).await;
    assert_eq!(kept.get::<_, serde_json::Value>(0), json!({ "image": "x" }));
    assert_eq!(kept.get::<_, i32>(1), 0);
    assert_eq!(scene.history(claim.id).await.last().map(String::as_str), Some("running>succeeded"));
}

#[tokio::test]
async fn the_reason_decides_what_becomes_of_a_failed_run() {
    for (reason, status, recorded, waits) in [
        (None, "failed", "user", ""),
        (Some("user"), "failed", "user", ""),
        (Some("timeout"), "failed", "timeout", ""),
        (Some("invalid"), "failed", "invalid", ""),
        (Some("infra"), "queued", "infra", "due"),
    ] {
        let scene = Scene::new().await;
        let claim = scene.running().await;
        let answer: String =
            value(&scene.worker, COMPLETE, &[&claim.id, &claim.token, &3, &"it broke", &reason]).await;
        assert_eq!(answer, status, "{reason:?}");
        assert_eq!(scene.status(claim.id).await, status);
        assert_eq!(scene.column(claim.id, "failure_reason").await, recorded);
        assert_eq!(scene.column(claim.id, "error_message").await, "it broke");
        assert_eq!(scene.column(claim.id, "blocked_by").await, waits);
    }
}

#[tokio::test]
async fn the_fifth_fault_of_the_machine_is_the_last() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    for attempt in 1..=5 {
        let claim = scene.claim().await;
        assert_eq!((claim.id, claim.attempt), (id, attempt));
        let status = scene.fail(claim, "infra").await;
        assert_eq!(status, if attempt < 5 { "queued" } else { "failed" });
        scene.make_due().await;
    }
    assert_eq!(scene.column(id, "infra_attempts").await, "5");
    assert_eq!(scene.column(id, "failed_attempts").await, "0");
    assert_eq!(scene.column(id, "failure_reason").await, "infra");
}

#[tokio::test]
async fn a_retry_waits_ten_seconds_then_twice_as_long() {
    let scene = Scene::new().await;
    let id = scene.queued().await;
    let sql = "select extract(epoch from not_before - updated_at)::float8 from ops.runs where id = $1";
    for expected in [10.0, 20.0, 40.0] {
        let claim = scene.claim().await;
        scene.fail(claim, "infra").await;
        let waits: f64 = value(&scene.operator, sql, &[&id]).await;
        assert!((expected * 0.8..=expected * 1.2).contains(&waits), "{waits} s instead of {expected}");
        scene.make_due().await;
    }
}

#[tokio::test]
async fn a_workflow_may_grant_tries_after_the_users_failures() {
    let scene = Scene::new().await;
    let definition = json!({
        "steps": [{ "name": "a", "image": "x", "shell": "true" }],
        "retry": { "user": 2 },
    });
    run(&scene.operator, "select ops.put_workflow('acme', 'flaky', $1)", &[&definition]).await;
    let id: Uuid = value(&scene.operator, "select id from ops.enqueue_run('acme', 'flaky')", &[]).await;
    for status in ["queued", "queued", "failed"] {
        let claim = scene.claim().await;
        scene.start(claim).await;
        assert_eq!(scene.fail(claim, "user").await, status);
        scene.make_due().await;
    }
    assert_eq!(scene.column(id, "failed_attempts").await, "0");
    assert_eq!(scene.column(id, "infra_attempts").await, "0");
}

#[tokio::test]
async fn the_same_call_again_gets_the_same_answer_for_ever() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let infra = "select status, attempt, failure_reason, updated_at::text \
         from ops.complete_workflow_run($1, 1, 'pull failed', $2, 'infra')";
    let answer = async |claim: Claim| {
        let row = row(&scene.worker, infra, &[&claim.id, &claim.token]).await;
        (
            row.get::<_, String>(0),
            row.get::<_, i32>(1),
            row.get::<_, Option<String>>(2),
            row.get::<_, String>(3),
        )
    };
    let first = answer(claim).await;
    assert_eq!(answer(claim).await, first);
    scene.make_due().await;
    let second_claim = scene.claim().await;
    assert_eq!(answer(claim).await, first, "while the next attempt runs");
    scene.start(second_claim).await;
    scene.succeed(second_claim).await;
    assert_eq!(answer(claim).await, first, "after the run has finished");
    assert_eq!(scene.succeed(second_claim).await, "succeeded");
    assert_eq!(scene.history(claim.id).await.len(), 7, "each transition once");
}

#[tokio::test]
async fn other_arguments_with_a_used_token_are_refused() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    for (exit, message, reason) in [(0, Some("other"), None), (1, None, None), (1, None, Some("infra"))] {
        let refused =
            refusal(&scene.worker, COMPLETE, &[&claim.id, &claim.token, &exit, &message, &reason]).await;
        assert_eq!(refused.code, "OP002");
        assert!(refused.message.contains(&claim.id.to_string()));
    }
    assert_eq!(scene.status(claim.id).await, "succeeded");
}

#[tokio::test]
async fn tokens_are_checked() {
    check_token_rules(SUCCEED).await;
}

#[tokio::test]
async fn no_token_on_a_finished_run_is_refused() {
    let scene = Scene::new().await;
    let claim = scene.succeeded().await;
    let sql = "select ops.complete_workflow_run($1, 0)";
    assert_eq!(code(&scene.operator, sql, &[&claim.id]).await, "OP002");
}

#[tokio::test]
async fn an_operator_completes_the_current_attempt_without_a_token() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql = "select status from ops.complete_workflow_run($1, 1, 'no')";
    assert_eq!(value::<String>(&scene.operator, sql, &[&claim.id]).await, "failed");
}

#[tokio::test]
async fn a_released_claim_cannot_complete() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    run(&scene.worker, "select ops.release_run($1, $2, null)", &[&claim.id, &claim.token]).await;
    assert_eq!(code(&scene.worker, SUCCEED, &[&claim.id, &claim.token]).await, "OP003");
}

#[tokio::test]
async fn a_run_that_was_not_started_can_only_be_invalid_or_hit_by_a_fault() {
    for (reason, outcome) in [
        (None, "OP002"),
        (Some("user"), "OP002"),
        (Some("timeout"), "OP002"),
        (Some("invalid"), "failed"),
        (Some("infra"), "queued"),
    ] {
        let scene = Scene::new().await;
        let claim = scene.claimed().await;
        let no_message: Option<String> = None;
        let result =
            scene.worker.query_one(COMPLETE, &[&claim.id, &claim.token, &2, &no_message, &reason]).await;
        let got = match &result {
            Ok(row) => row.get::<_, String>(0),
            Err(error) => error.code().expect("a SQLSTATE").code().to_owned(),
        };
        assert_eq!(got, outcome, "{reason:?}");
    }
    let scene = Scene::new().await;
    let claim = scene.claimed().await;
    assert_eq!(code(&scene.worker, SUCCEED, &[&claim.id, &claim.token]).await, "OP002");
    assert_eq!(scene.status(claim.id).await, "claimed");
}

#[tokio::test]
async fn canceled_needs_a_cancel_request() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let none: Option<i32> = None;
    let parameters: super::scene::Parameters<'_> = &[&claim.id, &claim.token, &none, &"stopped", &"canceled"];
    assert_eq!(code(&scene.worker, COMPLETE, parameters).await, "OP002");
    scene.cancel(claim.id).await;
    assert_eq!(value::<String>(&scene.worker, COMPLETE, parameters).await, "canceled");
}

#[tokio::test]
async fn after_a_cancel_request_success_stands_and_a_fault_is_not_retried() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    assert_eq!(scene.succeed(claim).await, "succeeded");
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    assert_eq!(scene.fail(claim, "infra").await, "canceled");
}

#[tokio::test]
async fn contradictions_are_bad_arguments() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    for (exit, reason) in [
        (Some(0), Some("user")),
        (None, None),
        (Some(1), Some("lost")),
        (Some(1), Some("bad luck")),
        (Some(0), Some("infra")),
    ] {
        let message: Option<String> = None;
        let refused =
            refusal(&scene.worker, COMPLETE, &[&claim.id, &claim.token, &exit, &message, &reason]).await;
        assert_eq!(refused.code, "OP004", "{exit:?} {reason:?}");
    }
    assert_eq!(scene.status(claim.id).await, "running");
}

#[tokio::test]
async fn a_fault_after_a_cancel_request_is_a_cancel_for_good() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    scene.cancel(claim.id).await;
    let sql = "select concat_ws(' ', status, failure_reason) \
         from ops.complete_workflow_run($1, 1, 'it broke', $2, 'infra')";
    for _ in 0..2 {
        assert_eq!(
            value::<String>(&scene.worker, sql, &[&claim.id, &claim.token]).await,
            "canceled canceled"
        );
    }
    assert_eq!(scene.column(claim.id, "failure_reason").await, "canceled");
    assert_eq!(scene.column(claim.id, "infra_attempts").await, "1");
}

#[tokio::test]
async fn tries_after_failures_of_the_user_are_ever_further_apart() {
    let scene = Scene::new().await;
    let definition = serde_json::json!({
        "steps": [{ "name": "a", "uses": "odoo/test" }], "retry": { "user": 3 },
    });
    run(&scene.operator, "select ops.put_workflow('acme', 'flaky', $1)", &[&definition]).await;
    run(&scene.operator, "select ops.enqueue_run('acme', 'flaky')", &[]).await;
    for secs in [10, 20, 40] {
        let claim = scene.claim().await;
        scene.start(claim).await;
        assert_eq!(scene.fail(claim, "user").await, "queued");
        let wait: f64 = scene
            .column(claim.id, "extract(epoch from not_before - updated_at)")
            .await
            .parse()
            .expect("a number");
        let expected = f64::from(secs);
        assert!((expected * 0.79..=expected * 1.21).contains(&wait), "{wait} s, not about {secs}");
        scene.make_due().await;
    }
}

#[tokio::test]
async fn the_token_of_a_requeued_attempt_does_not_come_back_with_a_cancel() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    assert_eq!(scene.fail(claim, "infra").await, "queued");
    scene.cancel(claim.id).await;
    for sql in [
        "select ops.append_run_log($1, 'info', 'late', p_claim_token => $2)",
        "select ops.append_run_logs($1, $2, 1, '{null}', '{2026-01-01Z}', '{info}', '{late}')",
        "select ops.record_step($1, $2, 'a', 'running', null, null)",
        "select ops.add_run_artifact($1, 'k', 's3://b/k', p_claim_token => $2)",
        "select ops.finish_run_log($1, $2, 0, 0, repeat('a', 64))",
        "select ops.start_workflow_run($1, 'w1', $2)",
    ] {
        assert_eq!(code(&scene.worker, sql, &[&claim.id, &claim.token]).await, "OP003", "{sql}");
    }
}
