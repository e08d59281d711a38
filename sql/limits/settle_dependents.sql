-- What follows for the runs that wait for this one: when it succeeded and was the last they waited
-- for, they are ready (key and limit are the claim's to look at); when not, they are canceled, and
-- theirs too. A run that waits for another holds no slot, so none is locked here.
create or replace function ops.settle_dependents(p_run_id uuid, p_succeeded boolean)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_waiting uuid[];
begin
  v_waiting := ops.lock_dependents(array[p_run_id], not p_succeeded);
  if p_succeeded then
    update ops.runs r
    set ready = coalesce(r.not_before <= v_now, true),
      blocked_by = case when r.not_before > v_now then 'due'::ops.wait_cause end,
      updated_at = v_now
    where r.id = any (v_waiting) and r.blocked_by = 'dependency' and not exists (
      select from ops.run_dependencies d
      join ops.runs o on o.id = d.depends_on
      where d.run_id = r.id and o.status <> 'succeeded'
    );
    if found then
      perform pg_notify('ops_run_queued', '');
    end if;
    return;
  end if;
  with cause as (
    select d.run_id, min(d.depends_on::text) as depends_on
    from ops.run_dependencies d
    where d.run_id = any (v_waiting) and d.depends_on = any (v_waiting || p_run_id)
    group by d.run_id
  ), canceled as (
    update ops.runs r
    set status = 'canceled', blocked_by = null, failure_reason = 'canceled',
      cancel_reason = format('dependency %s did not succeed', c.depends_on),
      finished_at = v_now, updated_at = v_now
    from cause c
    where r.id = c.run_id and r.blocked_by = 'dependency'
    returning r.id, r.project_id, r.attempt, c.depends_on
  )
  insert into ops.run_events (
    run_id, project_id, attempt, "from", "to", actor, reason, detail, created_at
  )
  select c.id, c.project_id, c.attempt, 'queued', 'canceled', 'system', 'dependency',
    jsonb_build_object('depends_on', c.depends_on), v_now
  from canceled c;
end;
$$;
comment on function ops.settle_dependents(uuid, boolean) is
  'Readies or cancels the runs that depend on one that has just finished.';
