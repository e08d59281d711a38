-- Makes runs ready whose time has come. Of those that share a key or a limit only as many as may start
-- now, per label set; the others wait for the slot. Where somebody else holds the slot, and for a
-- pause, that is left to the claim. Never waits: runs and slots with skip locked.
create or replace function ops.ready_due_runs(p_limit int)
returns int
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
set enable_seqscan = off
as $$
declare
  v_now timestamptz := ops.clock();
  v_due uuid[];
  v_slot record;
  v_key_free int;
  v_project_free int;
  v_count int;
begin
  v_due := array(
    select r.id from ops.runs r
    where r.blocked_by = 'due' and r.not_before <= v_now
    order by r.not_before
    limit p_limit
    for no key update skip locked
  );
  for v_slot in
    select distinct r.project_id, r.concurrency_key, r.limited
    from ops.runs r
    where r.id = any (v_due) and (r.limited or r.concurrency_key is not null)
    order by r.project_id, r.concurrency_key
  loop
    continue when not ops.try_lock_limits(
      v_slot.project_id, v_slot.concurrency_key, v_slot.limited
    );
    select k.max_running - (
      select count(*) from ops.runs r
      where r.project_id = k.project_id and r.concurrency_key = k.concurrency_key and r.active
    )
    into v_key_free
    from ops.concurrency_keys k
    where k.project_id = v_slot.project_id and k.concurrency_key = v_slot.concurrency_key;
    select p.max_running - (
      select count(*) from ops.runs r where r.project_id = p.id and r.active
    )
    into v_project_free
    from ops.projects p where p.id = v_slot.project_id and v_slot.limited;
    update ops.runs u
    set blocked_by = case when d.place > v_key_free then 'key' else 'project_limit' end::ops.wait_cause
    from (
      select r.id, row_number() over (partition by r.label_set_id order by r.priority, r.id) as place
      from ops.runs r
      where r.id = any (v_due) and r.project_id = v_slot.project_id
        and r.concurrency_key is not distinct from v_slot.concurrency_key
    ) d
    where u.id = d.id and d.place > least(v_key_free, v_project_free);
  end loop;
  update ops.runs r set ready = true, blocked_by = null
  where r.id = any (v_due) and r.blocked_by = 'due';
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
  return v_count;
end;
$$;
comment on function ops.ready_due_runs(int) is 'Readies at most p_limit runs that are due; returns how many.';
