-- What ops.cancel_run does for an agent run. Until contract version 2. Generations A2 and A3 spell
-- the state differently.
create or replace function ops.cancel_agent_run(p_run_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_state text;
begin
  select case when a.atttypid = 'text'::regtype then 'cancelled' else 'canceled' end into v_state
  from pg_catalog.pg_attribute a
  where a.attrelid = 'ops.agent_runs'::regclass and a.attname = 'status';
  if v_state = 'cancelled' then
    update ops.agent_runs r
    set status = 'cancelled', finished_at = ops.clock(), updated_at = ops.clock()
    where r.id = p_run_id and r.status in ('queued', 'running');
  else
    update ops.agent_runs r
    set status = 'canceled', finished_at = ops.clock(), updated_at = ops.clock()
    where r.id = p_run_id and r.status in ('queued', 'claimed', 'running');
  end if;
  if found and to_regclass('ops.agent_events') is not null then
    insert into ops.agent_events (run_id, level, message) values (p_run_id, 'info', 'Run canceled');
  end if;
  return exists (select from ops.agent_runs r where r.id = p_run_id);
end;
$$;
comment on function ops.cancel_agent_run(uuid) is
  'Cancels an agent run that has not ended; false when there is no such run.';
