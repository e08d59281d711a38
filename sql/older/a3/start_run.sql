-- An agent of generation A3 begins. Until contract version 2.
create or replace function ops.start_run(
  p_actor text,
  p_repo text default null,
  p_ref text default null,
  p_pack_id text default null,
  p_input jsonb default '{}'
)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into ops.agent_runs (actor, repo, ref, pack_id, input, status)
  values (p_actor, p_repo, p_ref, p_pack_id, coalesce(p_input, '{}'), 'running')
  returning id into v_id;
  perform ops.log_event(v_id, 'info', 'Run started');
  return v_id;
end;
$$;
comment on function ops.start_run(text, text, text, text, jsonb) is
  'Makes an agent run that is running; its id. Until contract version 2.';
