//! One call of every function that somebody may execute. A function without a line here fails the test, as
//! does a line without its function.

/// The function, and a call in which `{running}` and the like name what the stage has.
pub(super) const CALLS: &[(&str, &str)] = &[
    (
        "add_run_artifact",
        "select ops.add_run_artifact('{running}', 'k', 's3://b/k', p_claim_token => '{running_token}')",
    ),
    (
        "append_run_log",
        "select ops.append_run_log('{running}', 'info', 'x', p_claim_token => '{running_token}')",
    ),
    (
        "append_run_logs",
        "select ops.append_run_logs('{running}', '{running_token}', 1, array[null::text], array[now()], \
         array['info'], array['x'])",
    ),
    ("cancel_run", "select ops.cancel_run('{waiting}', 'not needed')"),
    ("claim_next_run", "select id from ops.claim_next_run('w1')"),
    ("claim_runs", "select id from ops.claim_runs('w1', 1)"),
    ("clock", "select ops.clock()"),
    ("complete_workflow_run", "select ops.complete_workflow_run('{running}', 0, null, '{running_token}')"),
    (
        "complete_workflow_runs",
        "select ops.complete_workflow_runs(array['{running}'::uuid], array['{running_token}'::uuid], \
         array[0], array[null::text], array[null::text], array[null::jsonb])",
    ),
    ("container_verdict", "select ops.container_verdict('{instance}', '{running}', 1)"),
    ("contract_info", "select ops.contract_info()"),
    ("drain_worker", "select ops.drain_worker('w1')"),
    ("enqueue_run", "select ops.enqueue_run('{project}', 'own')"),
    ("explain_wait", "select ops.explain_wait('{waiting}')"),
    ("finish_run_log", "select ops.finish_run_log('{running}', '{running_token}', 0, 0, repeat('0', 64))"),
    ("heartbeat_run", "select ops.heartbeat_run('{running}', 'w1', '{running_token}')"),
    (
        "heartbeat_worker",
        "select ops.heartbeat_worker('w1', 'busy', null, array['{running}'::uuid], \
         array['{running_token}'::uuid])",
    ),
    ("is_operator", "select ops.is_operator()"),
    ("list_queued_runs", "select ops.list_queued_runs('{project}')"),
    ("list_runs", "select ops.list_runs('{project}')"),
    ("list_workers", "select ops.list_workers()"),
    ("my_project_ids", "select ops.my_project_ids()"),
    ("next_due_in_ms", "select ops.next_due_in_ms()"),
    ("pause_project", "select ops.pause_project('{project}', 'x')"),
    ("put_concurrency_key", "select ops.put_concurrency_key('{project}', 'k', 2)"),
    ("put_member", "select ops.put_member('{project}', gen_random_uuid(), 'admin')"),
    ("put_member to make an owner", "select ops.put_member('{project}', gen_random_uuid(), 'owner')"),
    ("put_project", "select ops.put_project('{project}')"),
    ("put_tool", "select ops.put_tool('other-tool', 'image')"),
    (
        "put_workflow",
        "select ops.put_workflow('{project}', 'more', \
         '{\"steps\": [{\"name\": \"a\", \"uses\": \"odoo/test\"}]}')",
    ),
    ("read_run_log", "select ops.read_run_log('{finished}')"),
    ("reap_lost_runs", "select count(*) from ops.reap_lost_runs()"),
    ("record_step", "select ops.record_step('{running}', '{running_token}', 'a', 'running', null, null)"),
    ("register_worker", "select ops.register_worker('w1', '{}', 1, '1', 'host', '{}')"),
    ("release_run", "select ops.release_run('{claimed}', '{claimed_token}', 'draining')"),
    ("resume_project", "select ops.resume_project('{project}')"),
    ("resume_worker_runs", "select ops.resume_worker_runs('w1', '{instance}')"),
    ("retry_run", "select ops.retry_run('{finished}')"),
    ("set_worker_labels", "select ops.set_worker_labels('w1', '{}')"),
    ("start_workflow_run", "select ops.start_workflow_run('{claimed}', 'w1', '{claimed_token}')"),
    ("workflow_definition_problem", "select ops.workflow_definition_problem('{}')"),
];

/// The function that a line of [`CALLS`] is about: `put_member to make an owner` is about `put_member`.
pub(super) fn function_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// A plain INSERT with all columns that may be set, as a script sends it.
pub(super) const INSERT: &str = "insert into ops.runs (project_id, workflow_id, git_ref, commit_sha, input, \
     priority, required_labels, concurrency_key, idempotency_key, environment_id, not_before, timeout_secs, \
     max_attempts, parent_run_id, trigger) \
     values ('{project_id}', '{workflow_id}', 'main', 'abc123', '{}', 50, '{}', 'k', 'once', null, now(), 60, 2, \
     '{running}', 'api') returning run_number";
