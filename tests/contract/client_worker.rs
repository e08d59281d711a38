//! The worker's side of the Rust client, logged in with worker rights only.

use jiff::Timestamp;
use odooops::contract::{
    ClaimToken, Completion, Contract, ContractError, EnqueueOptions, FailureReason, LogBatch, LogLevel,
    LogLine, LogPosition, NewArtifact, NewTool, RunId, RunStatus, StepRecord, StepStatus, Verdict,
    WorkerState,
};
use serde_json::json;
use uuid::Uuid;

use super::stage::{LEASE_SECS, PROJECT, Stage, WORKER, definition, registration};
use crate::support::postgres_roles::Login;

fn succeeded() -> Completion {
    Completion { exit_code: Some(0), result: Some(json!({"ok": true})), ..Completion::default() }
}

fn lines(messages: &[&str]) -> Vec<LogLine> {
    messages
        .iter()
        .map(|message| LogLine {
            step: Some("build".to_owned()),
            timestamp: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            message: (*message).to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn connecting_proves_the_version_and_gives_the_instance() {
    let stage = Stage::new().await;
    let (_, info) = Contract::connect(&stage.database.settings(Login::Worker)).await.expect("connect");
    assert_eq!(info.version, odooops::contract::CONTRACT_VERSION);
    assert_eq!(info, stage.worker.contract_info().await.expect("info"));
    assert!(!info.instance_id.is_nil());
}

#[tokio::test]
async fn a_claim_hands_out_everything_that_the_run_needs() {
    let stage = Stage::new().await;
    let tool = NewTool {
        name: "python".to_owned(),
        image: "python:3.12".to_owned(),
        version: None,
        digest: None,
        config: json!({}),
    };
    stage.operator.put_tool(&tool).await.expect("a tool");
    let options = EnqueueOptions { priority: Some(5), timeout_secs: Some(60), ..EnqueueOptions::default() };
    let id = stage.queue_with(json!({"modules": "all"}), options).await;
    let run = stage.worker.claim_next_run(WORKER, LEASE_SECS).await.expect("claim").expect("a run");
    assert_eq!((run.id, run.run_number, run.attempt), (id, 1, 1));
    assert_eq!((run.project_slug.as_str(), run.workflow_name.as_str()), (PROJECT, "work"));
    assert_eq!(run.repo_url.as_deref(), Some("https://git.example/shop.git"));
    assert_eq!(run.odoo_version.as_deref(), Some("18.0"));
    assert_eq!(run.project_settings, json!({"modules": ["sale"]}));
    assert_eq!((run.definition, run.workflow_version), (definition(), 1));
    assert_eq!(run.input, json!({"modules": "all"}));
    assert_eq!(run.git_ref.as_deref(), Some("main"));
    assert_eq!((run.priority, run.timeout_secs, run.max_attempts), (5, Some(60), 3));
    assert_eq!((run.claimed_by.as_str(), run.trigger.as_str()), (WORKER, "api"));
    assert!(run.lease_expires_at > run.created_at);
    assert_eq!(run.tool_images.get("python").map(String::as_str), Some("python:3.12"));
    assert!(run.step_states.is_empty());
    assert!(stage.worker.claim_next_run(WORKER, LEASE_SECS).await.expect("claim").is_none());
}

#[tokio::test]
async fn several_runs_are_claimed_in_one_call() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        stage.queue().await;
    }
    let first = stage.worker.claim_runs(WORKER, 2, LEASE_SECS).await.expect("claim");
    let second = stage.worker.claim_runs(WORKER, 2, LEASE_SECS).await.expect("claim");
    assert_eq!((first.len(), second.len()), (2, 1));
}

#[tokio::test]
async fn a_run_goes_from_claim_to_success() {
    let stage = Stage::new().await;
    let run = stage.claim().await;
    let started = stage.worker.start_workflow_run(run.id, WORKER, run.claim_token).await.expect("start");
    assert_eq!((started.status, started.attempt), (RunStatus::Running, 1));
    let ended = stage.worker.complete_workflow_run(run.id, run.claim_token, &succeeded()).await;
    let ended = ended.expect("complete");
    assert_eq!((ended.status, ended.failure_reason), (RunStatus::Succeeded, None));
    let again = stage.worker.complete_workflow_run(run.id, run.claim_token, &succeeded()).await;
    assert_eq!(again.expect("the same call again"), ended);
}

#[tokio::test]
async fn a_foreign_token_is_a_lost_claim() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let foreign = ClaimToken(Uuid::now_v7());
    let (worker, id) = (&stage.worker, run.id);
    let refusals = [
        worker.start_workflow_run(id, WORKER, foreign).await.err(),
        worker.heartbeat_run(id, WORKER, foreign, LEASE_SECS, None).await.err(),
        worker.complete_workflow_run(id, foreign, &succeeded()).await.err(),
        worker.release_run(id, foreign, "drain").await.err(),
        worker.append_run_logs(id, foreign, LogBatch { first_seq: 1, lines: &lines(&["x"]) }).await.err(),
        worker.finish_run_log(id, foreign, 0, 0, &"0".repeat(64)).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(ContractError::ClaimLost(_))), "{refusal:?}");
    }
    let unknown = worker.complete_workflow_run(RunId(Uuid::now_v7()), foreign, &succeeded()).await;
    assert!(matches!(unknown, Err(ContractError::NotFound(_))), "{unknown:?}");
}

#[tokio::test]
async fn a_contradicting_completion_is_a_bad_argument() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    for (exit_code, failure_reason) in [(Some(0), Some(FailureReason::Infra)), (None, None)] {
        let completion = Completion { exit_code, failure_reason, ..Completion::default() };
        let refused = stage.worker.complete_workflow_run(run.id, run.claim_token, &completion).await;
        assert!(matches!(refused, Err(ContractError::BadArgument(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn many_runs_are_completed_in_one_call_and_each_has_its_own_answer() {
    let stage = Stage::new().await;
    let (one, other) = (stage.start().await, stage.start().await);
    let failed = Completion {
        error_message: Some("no space left".to_owned()),
        failure_reason: Some(FailureReason::Infra),
        ..Completion::default()
    };
    let answers = stage
        .worker
        .complete_workflow_runs(&[
            (one.id, one.claim_token, succeeded()),
            (other.id, other.claim_token, failed),
            (one.id, ClaimToken(Uuid::now_v7()), succeeded()),
        ])
        .await
        .expect("complete");
    let [first, second, third] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(first.as_ref().map(|state| state.status), Ok(RunStatus::Succeeded));
    assert_eq!(second.as_ref().map(|state| state.status), Ok(RunStatus::Queued), "infra is tried again");
    assert!(matches!(third, Err(ContractError::ClaimLost(_))), "{third:?}");
}

#[tokio::test]
async fn a_released_run_is_queued_again() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let released = stage.worker.release_run(run.id, run.claim_token, "draining").await.expect("release");
    assert_eq!(released.status, RunStatus::Queued);
    let again = stage.worker.claim_next_run(WORKER, LEASE_SECS).await.expect("claim").expect("a run");
    assert_eq!((again.id, again.attempt), (run.id, 2));
}

#[tokio::test]
async fn heartbeats_renew_leases_and_carry_requests() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let worker = &stage.worker;
    worker.register_worker(WORKER, &registration(&["linux"])).await.expect("register");
    let renewal = worker.heartbeat_run(run.id, WORKER, run.claim_token, 120, Some("build")).await;
    let renewal = renewal.expect("heartbeat");
    assert!(!renewal.cancel_requested && renewal.lease_expires_at > run.lease_expires_at);
    let other = stage.start().await;
    stage.operator.cancel_run(run.id, "not needed").await.expect("cancel");
    stage.operator.drain_worker(WORKER).await.expect("drain");
    let asked = [(run.id, run.claim_token), (other.id, ClaimToken(Uuid::now_v7()))];
    let beat = worker.heartbeat_worker(WORKER, WorkerState::Busy, None, &asked, LEASE_SECS).await;
    let beat = beat.expect("heartbeat");
    assert!(beat.drain_requested);
    assert_eq!(beat.runs.iter().map(|run| run.lost).collect::<Vec<_>>(), [false, true]);
    assert!(beat.runs[0].cancel_requested);
    let idle = worker.heartbeat_worker(WORKER, WorkerState::Draining, Some("told to"), &[], LEASE_SECS).await;
    let idle = idle.expect("heartbeat");
    assert!(idle.runs.is_empty() && idle.drain_requested);
}

#[tokio::test]
async fn an_idle_worker_learns_when_the_next_run_is_due() {
    let stage = Stage::new().await;
    assert_eq!(stage.worker.next_due_in_ms().await.expect("nothing waits"), None);
    let in_an_hour = Timestamp::now() + std::time::Duration::from_secs(3600);
    let options = EnqueueOptions { not_before: Some(in_an_hour), ..EnqueueOptions::default() };
    stage.queue_with(json!({}), options).await;
    let due = stage.worker.next_due_in_ms().await.expect("ask").expect("a run that waits");
    assert!((3_500_000..=3_600_000).contains(&due), "{due}");
}

#[tokio::test]
async fn labels_of_an_operator_override_those_of_the_worker() {
    let stage = Stage::new().await;
    let worker = stage.worker.register_worker(WORKER, &registration(&["linux"])).await.expect("register");
    assert_eq!((worker.labels, worker.slots), (vec!["linux".to_owned()], 2));
    assert_eq!(worker.host.as_deref(), Some("host-1"));
    let labels = ["big".to_owned()];
    stage.operator.set_worker_labels(WORKER, Some(&labels)).await.expect("set labels");
    let worker = stage.worker.register_worker(WORKER, &registration(&["linux"])).await.expect("register");
    assert_eq!(worker.labels, labels);
    let other = stage.database.contract(Login::OtherWorker);
    let refused = other.register_worker(WORKER, &registration(&[])).await;
    assert!(matches!(refused, Err(ContractError::NotPermitted(_))), "{refused:?}");
}

#[tokio::test]
async fn a_restarted_worker_takes_its_runs_back_with_fresh_tokens() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let instance = stage.worker.contract_info().await.expect("info").instance_id;
    let resumed = stage.worker.resume_worker_runs(WORKER, instance).await.expect("resume");
    let [resumed] = resumed.as_slice() else { panic!("one run was expected: {resumed:?}") };
    assert_eq!((resumed.id, resumed.attempt), (run.id, run.attempt));
    assert!(resumed.claim_token != run.claim_token);
}

#[tokio::test]
async fn a_run_whose_lease_expired_is_reaped_and_its_things_may_go() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let instance = stage.worker.contract_info().await.expect("info").instance_id;
    let verdict = async |instance| stage.worker.container_verdict(instance, run.id, run.attempt).await;
    assert_eq!(verdict(instance).await, Ok(Verdict::Keep));
    assert!(stage.worker.reap_lost_runs(100).await.expect("reap").is_empty());
    stage.expire(run.id).await;
    let reaped = stage.worker.reap_lost_runs(100).await.expect("reap");
    let [reaped] = reaped.as_slice() else { panic!("one run was expected: {reaped:?}") };
    assert_eq!((reaped.id, reaped.attempt, reaped.status), (run.id, 1, RunStatus::Queued));
    assert_eq!(reaped.worker_id.as_deref(), Some(WORKER));
    assert_eq!(verdict(instance).await, Ok(Verdict::Remove));
    assert_eq!(verdict(Uuid::now_v7()).await, Ok(Verdict::Keep), "another instance's");
}

#[tokio::test]
async fn log_lines_are_appended_once_and_read_in_order() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let (worker, token) = (&stage.worker, run.claim_token);
    let (first, second) = (lines(&["one", "two"]), lines(&["three"]));
    let batch = LogBatch { first_seq: 1, lines: &first };
    assert_eq!(worker.append_run_logs(run.id, token, batch).await, Ok(3));
    assert_eq!(worker.append_run_logs(run.id, token, batch).await, Ok(3), "a repeat");
    let gap = worker.append_run_logs(run.id, token, LogBatch { first_seq: 9, lines: &second }).await;
    assert_eq!(gap.expect_err("a gap").expected_next_seq(), Some(3));
    let next = worker.append_run_logs(run.id, token, LogBatch { first_seq: 3, lines: &second }).await;
    assert_eq!(next, Ok(4));
    let seq =
        worker.append_run_log(run.id, LogLevel::Warning, "four", &json!({"by": "me"}), Some(token)).await;
    assert_eq!(seq, Ok(4));
    worker.finish_run_log(run.id, token, 19, 4, &"a".repeat(64)).await.expect("finish");
    let stored = stage.operator.run_logs(run.id, None, 100).await.expect("read");
    let messages: Vec<_> = stored.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages, ["one", "two", "three", "four"]);
    assert_eq!(stored[0].step.as_deref(), Some("build"));
    assert_eq!((stored[3].level, stored[3].metadata.clone()), (LogLevel::Warning, Some(json!({"by": "me"}))));
    let rest = stage.operator.run_logs(run.id, Some(LogPosition { attempt: 1, seq: 3 }), 100).await;
    assert_eq!(rest.expect("read on").len(), 1);
    let attempts = stage.operator.run_attempts(run.id).await.expect("attempts");
    assert_eq!((attempts[0].log_bytes, attempts[0].log_lines), (Some(19), Some(4)));
}

#[tokio::test]
async fn steps_and_artifacts_are_recorded() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let record = StepRecord {
        step: "build".to_owned(),
        status: StepStatus::Succeeded,
        exit_code: Some(0),
        detail: json!({"outputs": {"image": "x"}}),
    };
    stage.worker.record_step(run.id, run.claim_token, &record).await.expect("record");
    let artifact = NewArtifact {
        artifact_key: "build/log.txt".to_owned(),
        s3_url: "s3://bucket/log.txt".to_owned(),
        size_bytes: Some(7),
        sha256: Some("b".repeat(64)),
        content_type: Some("text/plain".to_owned()),
        expires_at: None,
        metadata: json!({}),
    };
    let added = stage.worker.add_run_artifact(run.id, &artifact, Some(run.claim_token)).await.expect("add");
    let again = stage.worker.add_run_artifact(run.id, &artifact, Some(run.claim_token)).await;
    assert_eq!(again.as_ref(), Ok(&added));
    assert_eq!(stage.operator.run_artifacts(run.id).await.expect("read"), [added]);
    let steps = stage.operator.run_steps(run.id).await.expect("steps");
    assert_eq!((steps[0].step.as_str(), steps[0].status), ("build", StepStatus::Succeeded));
    stage.worker.release_run(run.id, run.claim_token, "drain").await.expect("release");
    let next = stage.worker.claim_next_run(WORKER, LEASE_SECS).await.expect("claim").expect("a run");
    assert_eq!(next.step_states.len(), 1);
    assert_eq!((next.step_states[0].attempt, next.step_states[0].status), (1, StepStatus::Succeeded));
    assert_eq!(next.step_states[0].detail, record.detail);
}

#[tokio::test]
async fn a_worker_may_not_read_tables() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let refused = stage.worker.run_logs(run.id, None, 1).await;
    assert!(matches!(refused, Err(ContractError::NotPermitted(_))), "{refused:?}");
    assert_eq!(stage.worker.rights_beyond_worker().await, Ok(vec![]));
    let too_much = stage.operator.rights_beyond_worker().await.expect("ask");
    assert!(too_much.contains(&"it is in ops_operator".to_owned()), "{too_much:?}");
}
