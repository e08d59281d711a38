-- The claim's last look at a run whose row it has locked and whose key or project has a limit. True:
-- it may start, and its slots stay locked. False: it may not now; where that was certain, it is out
-- of the claim index. Never waits for a slot: the claim holds a run lock already.
create or replace function ops.admit_run(
  p_run_id uuid,
  p_project_id uuid,
  p_concurrency_key text,
  p_project_max int
)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_key_max int;
  v_running int;
  v_project_running int;
  v_locked int;
begin
  select count(*) into v_locked from (
    select from ops.concurrency_keys k
    where k.project_id = p_project_id
      and (p_project_max is not null and k.concurrency_key = ''
        or k.concurrency_key = p_concurrency_key)
    order by k.concurrency_key
    for no key update skip locked
  ) l;
  if v_locked < (p_project_max is not null)::int + (p_concurrency_key is not null)::int then
    return false;
  end if;
  if p_project_max is not null then
    select count(*) into v_project_running
    from ops.runs r where r.project_id = p_project_id and r.active;
    if v_project_running >= p_project_max then
      update ops.runs r set ready = false, blocked_by = 'project_limit', limited = true
      where r.id = p_run_id;
      return false;
    end if;
    update ops.concurrency_keys k set running = v_project_running + 1
    where k.project_id = p_project_id and k.concurrency_key = '';
  end if;
  if p_concurrency_key is not null then
    select k.max_running into v_key_max
    from ops.concurrency_keys k
    where k.project_id = p_project_id and k.concurrency_key = p_concurrency_key;
    select count(*) into v_running
    from ops.runs r
    where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key and r.active;
    if v_running >= v_key_max then
      update ops.runs r set ready = false, blocked_by = 'key' where r.id = p_run_id;
      if p_project_max is not null then
        perform ops.promote_runs(p_project_id, null);
      end if;
      return false;
    end if;
    update ops.concurrency_keys k set running = v_running + 1
    where k.project_id = p_project_id and k.concurrency_key = p_concurrency_key;
  end if;
  -- Active at once: the next look, also of this call, counts it.
  update ops.runs r
  set status = 'claimed', ready = false, active = true, lease_expires_at = ops.clock()
  where r.id = p_run_id;
  -- Another claim may just have passed over these slots.
  if p_project_max is not null then
    if v_project_running + 1 < p_project_max and exists (
      select from ops.runs r where r.project_id = p_project_id and r.limited and r.ready
    ) then
      perform pg_notify('ops_run_queued', '');
    end if;
  elsif v_running + 1 < v_key_max and exists (
    select from ops.runs r
    where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key and r.ready
  ) then
    perform pg_notify('ops_run_queued', '');
  end if;
  return true;
end;
$$;
comment on function ops.admit_run(uuid, uuid, text, int) is
  'Whether a limited or keyed run may be claimed now, decided under the slot locks.';
