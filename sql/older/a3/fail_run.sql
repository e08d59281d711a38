-- An agent of generation A3 failed. Until contract version 2.
create or replace function ops.fail_run(
  p_run_id uuid,
  p_error text,
  p_output jsonb default '{}'
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.agent_runs r
  set status = 'failed',
    output = coalesce(p_output, '{}') || jsonb_build_object('error', p_error),
    updated_at = ops.clock()
  where r.id = p_run_id;
  if not found then
    raise exception using
      errcode = 'OP001',
      message = format('agent run %s not found', coalesce(p_run_id::text, 'null'));
  end if;
  perform ops.log_event(p_run_id, 'error', coalesce(p_error, ''));
end;
$$;
comment on function ops.fail_run(uuid, text, jsonb) is
  'An agent run failed, with an error in its output. Until contract version 2.';
