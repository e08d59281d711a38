-- Labels by the operator override what the worker says of itself; null gives its own back.
create or replace function ops.set_worker_labels(p_worker_id text, p_labels text[])
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform ops.require_operator('label workers');
  update ops.workers w
  set operator_labels = case
      when p_labels is not null then ops.sorted_labels('p_labels', p_labels)
    end,
    updated_at = ops.clock()
  where w.id = p_worker_id;
  if not found then
    raise exception using
      errcode = 'OP001', message = format('worker %s not found', coalesce(p_worker_id, 'null'));
  end if;
  perform pg_notify('ops_run_queued', '');
end;
$$;
comment on function ops.set_worker_labels(text, text[]) is 'Sets or, with null, removes an operator''s labels.';
