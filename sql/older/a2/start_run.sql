-- An executor of generation A2 begins. Until contract version 2.
create or replace function ops.start_run(p_run_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.agent_runs r
  set status = 'running', phase = 'prepare', started_at = ops.clock(), heartbeat_at = ops.clock(),
    updated_at = ops.clock()
  where r.id = p_run_id and r.status = 'claimed';
  if not found then
    return false;
  end if;
  insert into ops.agent_events (run_id, level, phase, message)
  values (p_run_id, 'info', 'prepare', 'Run started');
  return true;
end;
$$;
comment on function ops.start_run(uuid) is
  'claimed → running, of an agent run; false when it is not claimed. Until contract version 2.';
