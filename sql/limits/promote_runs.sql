-- Makes the right number of runs ready after a limit slot may have come free: per label set the
-- first ones, as many as are free. It may make more ready than can start (the claim looks again
-- under the slot lock), never fewer. The caller holds the slot locks (lock_limits) and wakes the workers
-- when something is claimable then: also what was so before, since a claim may just have passed over it
-- because of these locks.
create or replace function ops.promote_runs(p_project_id uuid, p_concurrency_key text)
returns int
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
set enable_seqscan = off
as $$
declare
  v_project_max int;
  v_key_max int;
  v_running int;
  v_claimable int := 0;
begin
  select p.max_running into v_project_max from ops.projects p where p.id = p_project_id;
  if p_concurrency_key is not null then
    select count(*) into v_running
    from ops.runs r
    where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key and r.active;
    update ops.concurrency_keys k
    set running = v_running
    where k.project_id = p_project_id and k.concurrency_key = p_concurrency_key
    returning k.max_running into v_key_max;
    if v_key_max > v_running then
      with recursive label_sets as (
        (
          select r.label_set_id from ops.runs r
          where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key
            and (r.ready or r.blocked_by = 'key')
          order by r.label_set_id limit 1
        )
        union all
        select (
          select r.label_set_id from ops.runs r
          where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key
            and (r.ready or r.blocked_by = 'key') and r.label_set_id > s.label_set_id
          order by r.label_set_id limit 1
        )
        from label_sets s where s.label_set_id is not null
      ), first_ones as materialized (
        select f.id, f.ready
        from label_sets s
        cross join lateral (
          select r.id, r.ready from ops.runs r
          where r.project_id = p_project_id and r.concurrency_key = p_concurrency_key
            and (r.ready or r.blocked_by = 'key') and r.label_set_id = s.label_set_id
          order by r.priority, r.id
          limit v_key_max - v_running
        ) f
        where s.label_set_id is not null
      ), moved as (
        update ops.runs u
        set ready = v_project_max is null,
          blocked_by = case when v_project_max is not null then 'project_limit'::ops.wait_cause end,
          limited = v_project_max is not null
        where u.id in (select f.id from first_ones f where not f.ready)
      )
      select count(*) into v_claimable from first_ones;
    end if;
  end if;
  if v_project_max is null then
    return v_claimable;
  end if;
  v_claimable := 0;
  select count(*) into v_running
  from ops.runs r where r.project_id = p_project_id and r.active;
  update ops.concurrency_keys k
  set running = v_running
  where k.project_id = p_project_id and k.concurrency_key = '';
  if v_project_max > v_running then
    with recursive label_sets as (
      (
        select r.label_set_id from ops.runs r
        where r.project_id = p_project_id and r.limited
          and (r.ready or r.blocked_by = 'project_limit')
        order by r.label_set_id limit 1
      )
      union all
      select (
        select r.label_set_id from ops.runs r
        where r.project_id = p_project_id and r.limited
          and (r.ready or r.blocked_by = 'project_limit') and r.label_set_id > s.label_set_id
        order by r.label_set_id limit 1
      )
      from label_sets s where s.label_set_id is not null
    ), first_ones as materialized (
      select f.id, f.ready
      from label_sets s
      cross join lateral (
        select r.id, r.ready from ops.runs r
        where r.project_id = p_project_id and r.limited
          and (r.ready or r.blocked_by = 'project_limit') and r.label_set_id = s.label_set_id
        order by r.priority, r.id
        limit v_project_max - v_running
      ) f
      where s.label_set_id is not null
    ), moved as (
      update ops.runs u
      set ready = true, blocked_by = null
      where u.id in (select f.id from first_ones f where not f.ready)
    )
    select count(*) into v_claimable from first_ones;
  end if;
  return v_claimable;
end;
$$;
comment on function ops.promote_runs(uuid, text) is
  'Readies the next runs of a key and of a limited project; returns how many are claimable.';
