-- As lock_limits, but never waits: for callers that hold a run lock already. True when all slots that
-- the run counts in are locked now.
create or replace function ops.try_lock_limits(
  p_project_id uuid,
  p_concurrency_key text,
  p_limited boolean
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_locked int;
begin
  if not p_limited and p_concurrency_key is null then
    return true;
  end if;
  select count(*) into v_locked from (
    select from ops.concurrency_keys k
    where k.project_id = p_project_id
      and (p_limited and k.concurrency_key = '' or k.concurrency_key = p_concurrency_key)
    order by k.concurrency_key
    for no key update skip locked
  ) l;
  return v_locked = p_limited::int + (p_concurrency_key is not null)::int;
end;
$$;
comment on function ops.try_lock_limits(uuid, text, boolean) is
  'Locks a run''s limit slots unless somebody else holds one; says whether it has them all.';
