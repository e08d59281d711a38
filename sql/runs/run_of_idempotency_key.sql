-- The run that has this idempotency key, or null. OP005 when it was asked for with other arguments.
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
  select r.id, r.run_number, r.workflow_id, r.git_ref, r.commit_sha, r.input into v_run
  from ops.runs r
  where r.project_id = p_project_id and r.idempotency_key = p_options.idempotency_key;
  if not found then
    return null;
  end if;
  if (v_run.workflow_id, v_run.git_ref, v_run.commit_sha, v_run.input)
    is distinct from (p_workflow_id, p_git_ref, p_commit_sha, coalesce(p_input, '{}'))
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
