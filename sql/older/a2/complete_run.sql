-- An executor of generation A2 is done. Until contract version 2.
create or replace function ops.complete_run(p_run_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.agent_runs r
  set status = 'succeeded', phase = 'finalize', finished_at = ops.clock(), updated_at = ops.clock()
  where r.id = p_run_id and r.status = 'running';
  if not found then
    return false;
  end if;
  insert into ops.agent_events (run_id, level, phase, message)
  values (p_run_id, 'info', 'finalize', 'Run completed successfully');
  return true;
end;
$$;
comment on function ops.complete_run(uuid) is
  'running → succeeded, of an agent run; false when it is not running. Until contract version 2.';
