-- As lock_dependents for the whole of one run, but never waits: for callers that hold other runs.
create or replace function ops.try_lock_dependents(p_run_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_waiting uuid[] := ops.dependents_of(array[p_run_id], true);
  v_locked int;
begin
  select count(*) into v_locked from (
    select from ops.runs r
    where r.id = any (v_waiting)
    order by r.id
    for no key update skip locked
  ) l;
  return v_locked = cardinality(v_waiting);
end;
$$;
comment on function ops.try_lock_dependents(uuid) is
  'Locks all that waits for a run unless somebody else holds some of it; says whether it has it all.';
