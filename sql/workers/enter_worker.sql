-- The first thing in every call that names a worker: makes unknown ids known, keeps last_seen_at
-- true to ten seconds, and refuses an id that another login role has taken.
create or replace function ops.enter_worker(p_worker_id text)
returns ops.worker_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_caller name := coalesce(nullif(current_setting('role'), 'none')::name, session_user);
  v_worker record;
begin
  loop
    select w.login_role, coalesce(w.operator_labels, w.labels) as labels, w.slots, w.version,
      w.host, w.state::text as state, w.reason, w.drain_requested_at is not null as drain_requested,
      h.last_seen_at, w.info
    into v_worker
    from ops.workers w
    join ops.worker_heartbeats h on h.worker_id = w.id
    where w.id = p_worker_id;
    exit when found;
    if p_worker_id is null or p_worker_id !~ '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$' then
      raise exception using
        errcode = 'OP004',
        message = 'p_worker_id: 1 to 128 letters, digits and ._:@-, the first a letter or digit',
        detail = format('it was %L', p_worker_id);
    end if;
    insert into ops.workers (id, login_role, created_at, updated_at)
    values (p_worker_id, v_caller, v_now, v_now)
    on conflict (id) do nothing;
    insert into ops.worker_heartbeats (worker_id, last_seen_at)
    values (p_worker_id, v_now)
    on conflict (worker_id) do nothing;
  end loop;
  if v_worker.login_role <> v_caller and not ops.is_operator() then
    raise exception using
      errcode = 'OP007',
      message = format('worker %s belongs to another login role', p_worker_id),
      detail = format('it is %s''s, the caller is %s', v_worker.login_role, v_caller);
  end if;
  if v_worker.last_seen_at < v_now - interval '10 seconds' then
    update ops.worker_heartbeats set last_seen_at = v_now where worker_id = p_worker_id;
  end if;
  return row(
    p_worker_id, v_worker.labels, v_worker.slots, v_worker.version, v_worker.host,
    v_worker.state, v_worker.reason, v_worker.drain_requested, v_now, v_worker.info
  )::ops.worker_row;
end;
$$;
comment on function ops.enter_worker(text) is
  'The worker with its effective labels; registers an unknown id, OP007 for someone else''s.';
