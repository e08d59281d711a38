-- The run that has this idempotency key, or null. OP005 when it was asked for with other arguments;
-- what the caller leaves open is compared with what the workflow of that time gave. not_before is
-- not compared once the run was tried: a retry has moved it.
create or replace function ops.run_of_idempotency_key(
  p_project_id uuid,
  p_workflow_id uuid,
  p_git_ref text,
  p_commit_sha text,
  p_input jsonb,
  p_options ops.run_options
)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_run record;
begin
  select r.*, d.definition ->> 'concurrency_key' as own_key,
    (d.definition ->> 'timeout_secs')::numeric::int as own_timeout_secs,
    array(
      select e.depends_on from ops.run_dependencies e where e.run_id = r.id order by e.depends_on
    ) as depends_on
  into v_run
  from ops.runs r
  join ops.workflow_versions d on d.workflow_id = r.workflow_id and d.version = r.workflow_version
  where r.project_id = p_project_id and r.idempotency_key = p_options.idempotency_key;
  if not found then
    return null;
  end if;
  if (
    v_run.workflow_id, v_run.git_ref, v_run.commit_sha, v_run.input, v_run.priority,
    v_run.required_labels, v_run.concurrency_key, v_run.environment_id, v_run.timeout_secs,
    v_run.max_attempts, v_run.parent_run_id, v_run.trigger::text, v_run.depends_on
  ) is distinct from (
    p_workflow_id, p_git_ref, p_commit_sha, coalesce(p_input, '{}'),
    coalesce(p_options.priority, 100), coalesce(p_options.required_labels, '{}'),
    coalesce(p_options.concurrency_key, v_run.own_key), p_options.environment_id,
    coalesce(p_options.timeout_secs, v_run.own_timeout_secs), coalesce(p_options.max_attempts, 3),
    p_options.parent_run_id, coalesce(p_options.trigger, 'api'),
    coalesce(p_options.depends_on, '{}')
  )
    or v_run.attempt = 0 and v_run.not_before is distinct from p_options.not_before
  then
    raise exception using
      errcode = 'OP005',
      message = format('idempotency_key %s was used with other arguments', p_options.idempotency_key),
      detail = format('by run %s (number %s)', v_run.id, v_run.run_number);
  end if;
  return v_run.id;
end;
$$;
comment on function ops.run_of_idempotency_key(uuid, uuid, text, text, jsonb, ops.run_options) is
  'The run that was queued with this key before, if any.';
