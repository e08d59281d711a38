-- A run as client functions return it.
create or replace function ops.run_row(p_run_id uuid)
returns ops.run_row
language sql
stable
security definer
set search_path = ''
as $$
  select row(
    r.id, r.run_number, r.project_id, p.slug, r.workflow_id, w.name, r.workflow_version, r.git_ref,
    r.commit_sha, r.input, r.trigger::text, r.triggered_by, r.priority, r.status::text, r.attempt,
    r.failure_reason::text, r.error_message, r.retry_of, r.cancel_requested_at, r.cancel_reason,
    r.created_at, r.started_at, r.finished_at, r.updated_at
  )::ops.run_row
  from ops.runs r
  join ops.projects p on p.id = r.project_id
  join ops.workflows w on w.id = r.workflow_id
  where r.id = p_run_id;
$$;
comment on function ops.run_row(uuid) is 'One run.';
