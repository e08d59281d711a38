-- Locks these runs and those that wait for them, all in the order of their ids, and returns the latter.
-- Looks again after it had to wait: a run may have been queued behind one of them meanwhile. Such a
-- run is younger than all that is locked, so that the order holds.
create or replace function ops.lock_dependents(p_run_ids uuid[], p_whole boolean)
returns uuid[]
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_locked uuid[] := '{}';
  v_waiting uuid[];
begin
  loop
    v_waiting := ops.dependents_of(p_run_ids, p_whole);
    if not exists (select unnest(v_waiting) except select unnest(v_locked)) then
      return v_waiting;
    end if;
    perform 1 from ops.runs r
    where r.id = any (p_run_ids || v_waiting)
    order by r.id
    for no key update;
    v_locked := v_waiting;
  end loop;
end;
$$;
comment on function ops.lock_dependents(uuid[], boolean) is
  'Locks runs with their dependents; returns the dependents.';
