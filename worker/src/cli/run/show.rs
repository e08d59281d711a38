//! `odooops run show RUN`.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::Exit;
use crate::cli::human::{ago, between, bytes, value};
use crate::cli::output::Look;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::{Artifact, AttemptOverview, RunEvent, RunOverview, RunStatus, StepOverview, WaitCause};

/// Which run.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
}

/// Everything that is known of a run but its log.
#[derive(Debug, Serialize)]
struct Shown {
    run: RunOverview,
    details: Map<String, Value>,
    waits_for: Vec<WaitCause>,
    attempts: Vec<AttemptOverview>,
    steps: Vec<StepOverview>,
    artifacts: Vec<Artifact>,
    events: Vec<RunEvent>,
}

pub(super) async fn execute(args: &ShowArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let id = session.find_run(&args.run).await?;
    let contract = &session.contract;
    let run = session.run(id).await?;
    let waits_for = match run.status {
        RunStatus::Queued => contract.explain_wait(id).await?,
        RunStatus::Claimed
        | RunStatus::Running
        | RunStatus::Succeeded
        | RunStatus::Failed
        | RunStatus::Canceled => Vec::new(),
    };
    let shown = Shown {
        run,
        details: contract.run_details(id).await?,
        waits_for,
        attempts: contract.run_attempts(id).await?,
        steps: contract.run_steps(id).await?,
        artifacts: contract.run_artifacts(id).await?,
        events: contract.run_events(id).await?,
    };
    session.output.answer(&shown, |look| human(&shown, look))?;
    Ok(Exit::Done)
}

fn human(shown: &Shown, look: Look) -> String {
    let parts = [
        facts(shown, look),
        titled("Steps", shown.steps.is_empty(), || steps(&shown.steps, look)),
        titled("Attempts", shown.attempts.is_empty(), || attempts(&shown.attempts, look)),
        titled("Artifacts", shown.artifacts.is_empty(), || artifacts(&shown.artifacts, look)),
        titled("Events", shown.events.is_empty(), || events(&shown.events, look)),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn titled(title: &str, is_empty: bool, table: impl FnOnce() -> String) -> String {
    if is_empty { String::new() } else { format!("{title}\n{}", table()) }
}

fn facts(shown: &Shown, look: Look) -> String {
    let run = &shown.run;
    let waits: Vec<String> = shown.waits_for.iter().map(|cause| cause.detail.clone()).collect();
    let more = |key: &str| run.more.get(key).map(value).unwrap_or_default();
    let detail =
        |key: &str| shown.details.get(key).map(value).filter(|text| text != "{}").unwrap_or_default();
    look.facts(&[
        ("run", format!("{}#{}", run.project, run.run_number)),
        ("id", run.id.to_string()),
        ("workflow", run.workflow.clone()),
        ("status", run.status.to_string()),
        ("waits for", waits.join("; ")),
        ("reason", run.failure_reason.map(|reason| reason.to_string()).unwrap_or_default()),
        ("error", run.last_error.clone().unwrap_or_default()),
        ("ref", more("git_ref")),
        ("commit", more("commit_sha")),
        ("worker", more("claimed_by")),
        ("input", detail("input")),
        ("result", detail("result")),
        ("retry of", detail("retry_of")),
        ("queued", ago(Some(run.created_at))),
        ("took", between(run.started_at, run.finished_at)),
    ])
}

fn steps(steps: &[StepOverview], look: Look) -> String {
    let row = |step: &StepOverview| {
        [
            step.attempt.to_string(),
            step.step.clone(),
            step.status.to_string(),
            step.exit_code.map(|code| code.to_string()).unwrap_or_default(),
            between(step.started_at, step.finished_at),
        ]
    };
    look.table(&["ATTEMPT", "STEP", "STATUS", "EXIT", "TOOK"], steps.iter().map(row), "")
}

fn attempts(attempts: &[AttemptOverview], look: Look) -> String {
    let row = |attempt: &AttemptOverview| {
        [
            attempt.attempt.to_string(),
            attempt.worker_id.clone().unwrap_or_default(),
            attempt.outcome.clone().unwrap_or_default(),
            attempt.failure_reason.map(|reason| reason.to_string()).unwrap_or_default(),
            between(attempt.started_at, attempt.finished_at),
            attempt.log_lines.map(|lines| lines.to_string()).unwrap_or_default(),
            bytes(attempt.log_bytes),
        ]
    };
    let heading = ["ATTEMPT", "WORKER", "OUTCOME", "REASON", "TOOK", "LOG LINES", "LOG SIZE"];
    look.table(&heading, attempts.iter().map(row), "")
}

fn artifacts(artifacts: &[Artifact], look: Look) -> String {
    let row = |artifact: &Artifact| {
        [artifact.artifact_key.clone(), bytes(artifact.size_bytes), artifact.s3_url.clone()]
    };
    look.table(&["ARTIFACT", "SIZE", "URL"], artifacts.iter().map(row), "")
}

fn events(events: &[RunEvent], look: Look) -> String {
    let row = |event: &RunEvent| {
        [
            event.created_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            event.attempt.to_string(),
            event.to.clone().unwrap_or_default(),
            event.actor.clone().unwrap_or_default(),
            event.reason.clone().unwrap_or_default(),
        ]
    };
    look.table(&["TIME", "ATTEMPT", "BECAME", "BY", "WHY"], events.iter().map(row), "")
}
