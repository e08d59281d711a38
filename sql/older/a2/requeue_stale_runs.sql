-- Agent runs whose executor of generation A2 was not heard of go back. Until contract version 2.
create or replace function ops.requeue_stale_runs(p_stale_minutes int default 15)
returns int
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_count int;
begin
  update ops.agent_runs r
  set status = 'queued', claimed_by = null, claimed_at = null, heartbeat_at = null,
    updated_at = ops.clock()
  where r.status in ('claimed', 'running')
    and r.heartbeat_at < ops.clock() - make_interval(mins => p_stale_minutes);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.requeue_stale_runs(int) is
  'Queues agent runs without a heartbeat again; their number. Until contract version 2.';
