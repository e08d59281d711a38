-- An agent of generation A3 says something. Until contract version 2; runs of ours have
-- ops.append_run_log.
create or replace function ops.log_event(
  p_run_id uuid,
  p_level text,
  p_message text,
  p_data jsonb default '{}'
)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id text;
begin
  insert into ops.agent_events (run_id, level, message, data)
  values (p_run_id, p_level, p_message, coalesce(p_data, '{}'))
  returning id::text into v_id;
  -- Where another generation numbered events, there is no uuid to give.
  return case when v_id like '%-%' then v_id::uuid end;
end;
$$;
comment on function ops.log_event(uuid, text, text, jsonb) is
  'Adds an event to an agent run; its id. Until contract version 2.';
