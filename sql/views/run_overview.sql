-- One line a run: names instead of ids, how long, and what went wrong.
create or replace view ops.run_overview
with (security_invoker = true) as
select
  r.id,
  p.slug as project,
  w.name as workflow,
  r.run_number,
  r.status::text as status,
  r.attempt,
  r.git_ref,
  r.commit_sha,
  r.triggered_by,
  round(extract(epoch from coalesce(r.finished_at, ops.clock()) - r.started_at), 3)
    as duration_secs,
  r.failure_reason::text as failure_reason,
  coalesce(r.error_message, e.error_message) as last_error,
  r.exit_code,
  r.claimed_by,
  r.created_at,
  r.started_at,
  r.finished_at,
  coalesce(e.log_lines, 0) as log_lines,
  (select count(*) from ops.run_artifacts f where f.run_id = r.id) as artifacts,
  r.cancel_requested_at,
  r.cancel_reason,
  r.project_id,
  r.workflow_id,
  r.workflow_version,
  r.trigger::text as trigger,
  r.priority,
  r.retry_of,
  r.parent_run_id
from ops.runs r
join ops.projects p on p.id = r.project_id
join ops.workflows w on w.id = r.workflow_id
left join lateral (
  select sum(a.next_seq - 1)::bigint as log_lines,
    (array_agg(a.error_message order by a.attempt desc)
      filter (where a.error_message is not null))[1] as error_message
  from ops.run_attempts a where a.run_id = r.id
) e on true;
comment on view ops.run_overview is 'Every run in one line; duration_secs goes on while it runs.';
