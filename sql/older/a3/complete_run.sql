-- An agent of generation A3 is done. Until contract version 2.
create or replace function ops.complete_run(p_run_id uuid, p_output jsonb default '{}')
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.agent_runs r
  set status = 'completed', output = coalesce(p_output, '{}'), updated_at = ops.clock()
  where r.id = p_run_id;
  if not found then
    raise exception using
      errcode = 'OP001',
      message = format('agent run %s not found', coalesce(p_run_id::text, 'null'));
  end if;
  perform ops.log_event(p_run_id, 'info', 'Run completed');
end;
$$;
comment on function ops.complete_run(uuid, jsonb) is
  'An agent run is completed. Until contract version 2.';
