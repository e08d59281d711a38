-- What ops.heartbeat_run does for an agent run. Until contract version 2.
create or replace function ops.heartbeat_agent_run(p_run_id uuid, p_phase text)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.agent_runs r
  set heartbeat_at = ops.clock(), phase = coalesce(p_phase, r.phase), updated_at = ops.clock()
  where r.id = p_run_id and r.status in ('claimed', 'running');
  return found;
end;
$$;
comment on function ops.heartbeat_agent_run(uuid, text) is
  'Notes that an agent run is alive; false when there is none that is claimed or running.';
