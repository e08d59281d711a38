-- Makes the queue follow a changed max_running. The caller holds the project's row.
create or replace function ops.apply_project_limit(p_project_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_limited boolean;
  v_key record;
  v_ready int;
begin
  select p.max_running is not null into v_limited from ops.projects p where p.id = p_project_id;
  if v_limited then
    insert into ops.concurrency_keys (project_id, concurrency_key)
    values (p_project_id, '') on conflict do nothing;
  end if;
  perform 1 from ops.concurrency_keys k
  where k.project_id = p_project_id order by k.concurrency_key for no key update;
  update ops.runs r
  set limited = v_limited,
    ready = (r.ready or coalesce(r.blocked_by in ('project_limit', 'key'), false))
      and not v_limited and r.concurrency_key is null,
    blocked_by = case
      when r.ready or r.blocked_by in ('project_limit', 'key') then case
        when r.concurrency_key is not null then 'key'
        when v_limited then 'project_limit'
      end::ops.wait_cause
      else r.blocked_by
    end
  where r.project_id = p_project_id and (r.ready or r.active or r.blocked_by is not null);
  select count(*) into v_ready
  from ops.runs r where r.project_id = p_project_id and r.ready;
  for v_key in
    select distinct r.concurrency_key from ops.runs r
    where r.project_id = p_project_id and r.blocked_by = 'key'
  loop
    v_ready := v_ready + ops.promote_runs(p_project_id, v_key.concurrency_key);
  end loop;
  v_ready := v_ready + ops.promote_runs(p_project_id, null);
  if v_ready > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.apply_project_limit(uuid) is 'Sorts the waiting runs of a project anew.';
