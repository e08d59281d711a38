-- Asks a worker to take no more runs, finish what it has and stop.
create or replace function ops.drain_worker(p_worker_id text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform ops.require_operator('drain workers');
  update ops.workers w
  set drain_requested_at = coalesce(w.drain_requested_at, ops.clock()), updated_at = ops.clock()
  where w.id = p_worker_id;
  if not found then
    raise exception using
      errcode = 'OP001', message = format('worker %s not found', coalesce(p_worker_id, 'null'));
  end if;
  perform pg_notify('ops_run_control', p_worker_id);
end;
$$;
comment on function ops.drain_worker(text) is 'The worker claims no more; it reads the request in its heartbeat.';
