-- An executor of generation A2 failed: queued again until max_retries. Until contract version 2.
create or replace function ops.fail_run(
  p_run_id uuid,
  p_error_code text default null,
  p_error_message text default null,
  p_error_data jsonb default null
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_run record;
begin
  select r.retry_count, r.retry_count < r.max_retries as again into v_run
  from ops.agent_runs r
  where r.id = p_run_id and r.status in ('claimed', 'running')
  for no key update;
  if not found then
    return false;
  end if;
  if v_run.again then
    update ops.agent_runs r
    set status = 'queued', phase = null, retry_count = r.retry_count + 1, claimed_by = null,
      claimed_at = null, heartbeat_at = null, error_code = p_error_code,
      error_message = p_error_message, error_data = p_error_data, updated_at = ops.clock()
    where r.id = p_run_id;
    insert into ops.agent_events (run_id, level, phase, message, data)
    values (
      p_run_id, 'warn', 'execute', 'Run failed, requeued for retry',
      jsonb_build_object('retry_count', v_run.retry_count + 1, 'error', p_error_message)
    );
  else
    update ops.agent_runs r
    set status = 'failed', finished_at = ops.clock(), error_code = p_error_code,
      error_message = p_error_message, error_data = p_error_data, updated_at = ops.clock()
    where r.id = p_run_id;
    insert into ops.agent_events (run_id, level, phase, message, data)
    values (
      p_run_id, 'error', 'execute', 'Run failed permanently',
      jsonb_build_object('error_code', p_error_code, 'error', p_error_message)
    );
  end if;
  return true;
end;
$$;
comment on function ops.fail_run(uuid, text, text, jsonb) is
  'An agent run failed: queued again until max_retries, then failed. Until contract version 2.';
