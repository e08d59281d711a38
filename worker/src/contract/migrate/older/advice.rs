//! What people are told to call instead, and what they should know before they say yes.

use super::generation::Generation;

/// The new call for an older function that is not kept.
pub(super) fn new_call(function: &str) -> Option<&'static str> {
    Some(match function {
        "claim_next_run" => {
            "its result is not kept: select * from ops.claim_next_run('worker id') gives our row (id, claim_token, \
             git_ref, commit_sha, input, …), of runs in ops.runs"
        }
        "queue_run" | "enqueue_build" => {
            "call ops.enqueue_run(p_project, p_workflow, p_git_ref, p_commit_sha, p_input)"
        }
        "append_event" | "append_build_event" => {
            "call ops.append_run_log(p_run_id, p_level, p_message, p_metadata, p_claim_token)"
        }
        "finish_run" | "set_build_status" => {
            "call ops.complete_workflow_run(p_run_id, p_exit_code, p_error_message, p_claim_token)"
        }
        "heartbeat_run" => {
            "ops.heartbeat_run(p_run_id, p_phase => …) takes agent runs, too; it returns a row"
        }
        "cancel_run" => "ops.cancel_run(p_run_id) takes agent runs, too",
        "get_alert_state" => "count the errors in ops.agent_events",
        "list_projects" => "select from ops.project_overview",
        _ => return None,
    })
}

/// What is true of whole generations.
pub(super) fn notes(generations: &[Generation], agents: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if agents {
        notes.push(
            "ops.agent_* belong to ops_owner from now on, with row level security; columns that another generation \
             has are added, rows and states stay as they are"
                .to_owned(),
        );
        notes.push(
            "an insert of agents' columns into ops.run_events (event_id, level, message, context, phase, data) or \
             ops.run_artifacts (kind, uri, meta) goes on, into ops.agent_events and ops.agent_artifacts"
                .to_owned(),
        );
    }
    if generations.contains(&Generation::B) {
        notes.push(
            "the runner of generation B is not kept: its queue (ops.run_queue, ops.builds) stays readable, and new \
             work goes through ops.enqueue_run and an odooops worker"
                .to_owned(),
        );
    }
    if generations.contains(&Generation::C) {
        notes.push(
            "runs of generation C stay readable in ops_older; a worker that calls ops.claim_next_run gets runs of \
             ops.runs, in our columns"
                .to_owned(),
        );
    }
    notes
}
