-- Generation A1's cleaning of events. Until contract version 2.
create or replace function ops.cleanup_run_events(p_days int)
returns int
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_count int;
begin
  perform ops.require_operator('clean agents'' events');
  delete from ops.agent_events e
  where e.run_id is null and e.created_at < ops.clock() - make_interval(days => p_days);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.cleanup_run_events(int) is
  'Deletes events without a run from ops.agent_events. Until contract version 2.';
