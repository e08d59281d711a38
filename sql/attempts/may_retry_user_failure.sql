-- Whether the definition (`retry: {user: n}`) grants another try after this failure of the user's.
create or replace function ops.may_retry_user_failure(
  p_run_id uuid,
  p_workflow_id uuid,
  p_workflow_version int
)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce((v.definition -> 'retry' ->> 'user')::numeric::int, 0) > (
    select count(*) from ops.run_attempts a
    where a.run_id = p_run_id and a.outcome = 'failed' and a.failure_reason = 'user'
  )
  from ops.workflow_versions v
  where v.workflow_id = p_workflow_id and v.version = p_workflow_version;
$$;
comment on function ops.may_retry_user_failure(uuid, uuid, int) is
  'True while fewer attempts failed by the user''s fault than the workflow grants.';
