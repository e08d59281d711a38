-- Who may do what. Everything is taken away first, so that what is not written here is not granted.

revoke all on schema ops from public, anon;
grant usage on schema ops
  to ops_worker, ops_operator, ops_reader, authenticated, service_role;
-- Only what is ours: objects of an older generation that stay have rights of their own.
do $$
declare
  v_object text;
begin
  for v_object in
    select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass
    from pg_catalog.pg_class c
    where c.relnamespace = 'ops'::regnamespace and c.relowner = 'ops_owner'::regrole
      and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and not exists (
        select
        from ops.older_objects o
        cross join lateral to_regclass(case o.kind when 'table' then o.identity end) t
        where o.fate = 'adopted' and c.oid in (
          select t
          union all
          select d.objid from pg_catalog.pg_depend d
          where d.refobjid = t and d.deptype in ('a', 'i')
        )
      )
    union all
    select 'routine ' || p.oid::regprocedure
    from pg_catalog.pg_proc p
    where p.pronamespace = 'ops'::regnamespace and p.proowner = 'ops_owner'::regrole
  loop
    execute format(
      'revoke all on %s from '
        'public, anon, authenticated, service_role, ops_worker, ops_operator, ops_reader',
      v_object
    );
  end loop;
end $$;

-- The worker's functions: all that ops_worker may.
grant execute on function
  ops.contract_info,
  ops.register_worker,
  ops.heartbeat_worker,
  ops.next_due_in_ms,
  ops.claim_next_run,
  ops.claim_runs,
  ops.start_workflow_run,
  ops.heartbeat_run,
  ops.complete_workflow_run,
  ops.complete_workflow_runs,
  ops.release_run,
  ops.resume_worker_runs,
  ops.append_run_log,
  ops.append_run_logs,
  ops.finish_run_log,
  ops.record_step,
  ops.add_run_artifact,
  ops.reap_lost_runs,
  ops.container_verdict
to ops_worker, ops_operator, service_role;

-- The client's functions: each looks itself at what the caller may in which project.
grant execute on function
  ops.enqueue_run,
  ops.cancel_run,
  ops.retry_run,
  ops.list_queued_runs,
  ops.explain_wait,
  ops.list_runs,
  ops.read_run_log,
  ops.list_workers,
  ops.pause_project,
  ops.resume_project,
  ops.put_member,
  ops.put_workflow,
  ops.workflow_definition_problem,
  ops.put_concurrency_key
to ops_operator, service_role, authenticated;
grant execute on function
  ops.put_project,
  ops.put_tool,
  ops.set_worker_labels,
  ops.drain_worker
to ops_operator, service_role;
grant execute on function ops.contract_info to authenticated, ops_reader;

-- Policies and views call these.
grant execute on function ops.my_project_ids, ops.is_operator, ops.clock
to ops_operator, service_role, authenticated, ops_reader;

-- Reading: operators everything but tokens.
grant select on
  ops.projects, ops.project_memberships, ops.concurrency_keys, ops.workflows, ops.workflow_versions,
  ops.tools, ops.upgrade_advisories, ops.runs, ops.run_dependencies, ops.run_steps,
  ops.run_artifacts, ops.run_events, ops.run_log_chunks, ops.run_logs, ops.run_overview,
  ops.queue_overview, ops.project_overview
to ops_operator, service_role, authenticated;
grant select on
  ops.instance, ops.schema_history, ops.schema_objects, ops.schema_digests, ops.older_objects,
  ops.workers, ops.worker_heartbeats, ops.label_sets, ops.worker_overview
to ops_operator, service_role;
grant select (
  run_id, attempt, project_id, worker_id, started_at, finished_at, outcome, left_status, exit_code,
  failure_reason, error_message, phase, next_seq, log_bytes, log_lines, log_sha256
) on ops.run_attempts to ops_operator, service_role, authenticated, ops_reader;

-- ops_reader: the views, and of the tables what the views show.
grant select on
  ops.run_overview, ops.queue_overview, ops.worker_overview, ops.project_overview, ops.run_logs
to ops_reader;
grant select (
  id, slug, name, default_branch, odoo_version, status, paused_reason, max_running, created_at,
  updated_at
) on ops.projects to ops_reader;
grant select (id, project_id, name, kind, version, enabled) on ops.workflows to ops_reader;
grant select (
  id, run_number, project_id, workflow_id, workflow_version, environment_id, git_ref, commit_sha,
  trigger, triggered_by, priority, required_labels, label_set_id, concurrency_key, parent_run_id,
  retry_of, not_before, timeout_secs, status, ready, active, limited, blocked_by, attempt,
  failed_attempts, max_attempts, infra_attempts, claimed_by, claimed_at, lease_expires_at,
  started_at, finished_at, exit_code, failure_reason, error_message, cancel_requested_at,
  cancel_reason, created_at, updated_at
) on ops.runs to ops_reader;
grant select (run_id, artifact_key, project_id, size_bytes) on ops.run_artifacts to ops_reader;
grant select (
  id, labels, operator_labels, slots, version, host, state, reason, drain_requested_at, created_at
) on ops.workers to ops_reader;
grant select on ops.worker_heartbeats to ops_reader;
grant select (run_id, attempt, first_seq, steps, timestamps, levels, messages, metadata)
on ops.run_log_chunks to ops_reader;

-- A plain INSERT queues a run. All other columns are nobody's to set.
grant insert (
  project_id, workflow_id, git_ref, commit_sha, input, priority, required_labels, concurrency_key,
  idempotency_key, environment_id, not_before, timeout_secs, max_attempts, parent_run_id, trigger
) on ops.runs to ops_operator, service_role, authenticated;
