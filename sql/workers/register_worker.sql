-- A worker says who it is, at its start. Labels that an operator has set stay. A drain request is
-- over: this is a new process.
create or replace function ops.register_worker(
  p_worker_id text,
  p_labels text[],
  p_slots int,
  p_version text,
  p_host text,
  p_info jsonb
)
returns ops.worker_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
begin
  if p_slots is null or p_slots not between 1 and 10000 then
    raise exception using
      errcode = 'OP004', message = format('p_slots: 1 to 10000, not %s', coalesce(p_slots::text, 'null'));
  end if;
  if p_info is not null and jsonb_typeof(p_info) <> 'object' then
    raise exception using errcode = 'OP004', message = 'p_info: must be a JSON object';
  end if;
  perform ops.enter_worker(p_worker_id);
  update ops.workers w
  set labels = ops.sorted_labels('p_labels', p_labels),
    slots = p_slots,
    version = p_version,
    host = p_host,
    state = 'available',
    reason = null,
    drain_requested_at = null,
    info = coalesce(p_info, '{}'),
    updated_at = v_now
  where w.id = p_worker_id;
  update ops.worker_heartbeats h set last_seen_at = v_now where h.worker_id = p_worker_id;
  return ops.enter_worker(p_worker_id);
end;
$$;
comment on function ops.register_worker(text, text[], int, text, text, jsonb) is
  'Registers a worker or says anew what it is; returns it with its effective labels.';
