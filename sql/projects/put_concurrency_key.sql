-- Sets how many runs with this key may run at a time in the project (1 where nothing is set).
create or replace function ops.put_concurrency_key(p_project text, p_key text, p_max_running int)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id uuid := ops.find_project(p_project);
begin
  perform ops.require_member(v_id, 'admin', 'change limits');
  if coalesce(length(p_key), 0) not between 1 and 200 then
    raise exception using errcode = 'OP004', message = 'p_key: 1 to 200 characters';
  end if;
  if coalesce(p_max_running, 0) < 1 then
    raise exception using errcode = 'OP004', message = 'p_max_running: 1 or more';
  end if;
  insert into ops.concurrency_keys (project_id, concurrency_key)
  values (v_id, p_key) on conflict do nothing;
  perform ops.lock_limits(v_id, p_key);
  update ops.concurrency_keys k set max_running = p_max_running
  where k.project_id = v_id and k.concurrency_key = p_key;
  if ops.promote_runs(v_id, p_key) > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.put_concurrency_key(text, text, int) is 'Sets the limit of a concurrency key.';
