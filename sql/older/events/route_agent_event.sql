-- An event of an older generation that was inserted into ops.run_events goes to ops.agent_events.
-- As its caller: who may not insert there may not insert here. Until contract version 2.
create or replace function ops.route_agent_event()
returns trigger
language plpgsql
volatile
set search_path = ''
as $$
declare
  v_run_id uuid := nullif(new.run_id, '00000000-0000-0000-0000-000000000000');
begin
  if new.message is null or v_run_id is null and new.event_id is null then
    raise exception using
      errcode = 'OP004',
      message = 'ops.run_events: an agent''s event needs a message, and event_id or run_id',
      detail = 'events of runs in ops.runs are written by functions only';
  end if;
  insert into ops.agent_events (event_id, run_id, level, phase, message, data, context)
  values (
    new.event_id, v_run_id, coalesce(new.level, 'info'), new.phase, new.message,
    coalesce(new.data, '{}'), coalesce(new.context, '{}')
  );
  return null;
end;
$$;
comment on function ops.route_agent_event() is
  'Writes an older sender''s event to ops.agent_events instead. Until contract version 2.';
