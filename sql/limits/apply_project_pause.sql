-- Makes the queue follow a pause or its end. The caller holds the project's row for update, so that no
-- insert is under way; keys and limits of runs that come back are looked at under their slot locks.
create or replace function ops.apply_project_pause(p_project_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_paused boolean;
  v_slot record;
  v_ready int;
begin
  select p.paused_reason is not null or p.status <> 'active' into v_paused
  from ops.projects p where p.id = p_project_id;
  if v_paused then
    update ops.runs r set ready = false, blocked_by = 'paused'
    where r.project_id = p_project_id and r.ready;
    return;
  end if;
  perform 1 from ops.concurrency_keys k
  where k.project_id = p_project_id and exists (
    select from ops.runs r
    where r.project_id = p_project_id and r.blocked_by = 'paused'
      and (r.limited or r.concurrency_key is not null)
  )
  order by k.concurrency_key for no key update;
  update ops.runs r
  set ready = not r.limited and r.concurrency_key is null,
    blocked_by = case
      when r.concurrency_key is not null then 'key' when r.limited then 'project_limit'
    end::ops.wait_cause
  where r.project_id = p_project_id and r.blocked_by = 'paused';
  get diagnostics v_ready = row_count;
  for v_slot in
    select distinct r.concurrency_key from ops.runs r
    where r.project_id = p_project_id and r.blocked_by in ('key', 'project_limit')
  loop
    perform ops.promote_runs(p_project_id, v_slot.concurrency_key);
  end loop;
  if v_ready > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.apply_project_pause(uuid) is 'Takes a paused project''s runs aside, or back.';
