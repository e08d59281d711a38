-- Trigger after an insert into runs, once per statement: writes the events, looks at keys and limits
-- under their slot locks, and wakes the workers once if anything became claimable. By now the rows'
-- foreign keys hold their projects, so that a pause is either seen here or waits for this commit.
create or replace function ops.admit_runs()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
declare
  v_slot record;
  v_ready boolean;
begin
  if to_regclass(format(
    'ops.%I', to_char(ops.clock() at time zone 'UTC', '"run_events_"YYYYMM')
  )) is null then
    perform ops.ensure_partitions();
  end if;
  insert into ops.run_events (run_id, project_id, attempt, "to", actor, created_at)
  select i.id, i.project_id, 0, 'queued', i.triggered_by, i.created_at from inserted i;

  if exists (
    select from (select distinct i.project_id, i.limited from inserted i) i
    join ops.projects p on p.id = i.project_id
    where p.paused_reason is not null or p.status <> 'active'
      or i.limited <> (p.max_running is not null)
  ) then
    update ops.runs r
    set limited = p.max_running is not null,
      ready = false,
      blocked_by = case
        when p.paused_reason is not null or p.status <> 'active' then 'paused'
        when p.max_running is not null then 'project_limit'
        when r.concurrency_key is not null then 'key'
        else 'paused'
      end::ops.wait_cause
    from inserted i
    join ops.projects p on p.id = i.project_id
    where r.id = i.id and (r.blocked_by is null or r.blocked_by not in ('dependency', 'due'));
    update ops.runs r
    set ready = true, blocked_by = null
    from inserted i
    join ops.projects p on p.id = i.project_id
    where r.id = i.id and r.blocked_by = 'paused'
      and p.paused_reason is null and p.status = 'active';
  end if;

  select exists (select from inserted i where i.ready) into v_ready;
  insert into ops.concurrency_keys (project_id, concurrency_key)
  select distinct i.project_id, i.concurrency_key
  from inserted i where i.concurrency_key is not null
  order by 1, 2
  on conflict do nothing;
  for v_slot in
    select distinct i.project_id, i.concurrency_key
    from inserted i
    where i.limited or i.concurrency_key is not null
    order by 1, 2
  loop
    perform ops.lock_limits(v_slot.project_id, v_slot.concurrency_key);
  end loop;
  if exists (
    select from inserted i
    join ops.workflow_versions d
      on d.workflow_id = i.workflow_id and d.version = i.workflow_version
    where i.concurrency_key is not null and d.definition ->> 'supersede' in ('queued', 'all')
  ) then
    perform ops.supersede_runs(array(select i.id from inserted i));
  end if;
  for v_slot in
    select distinct i.project_id, i.concurrency_key
    from inserted i
    where i.limited or i.concurrency_key is not null
    order by 1, 2
  loop
    v_ready := ops.promote_runs(v_slot.project_id, v_slot.concurrency_key) > 0 or v_ready;
  end loop;
  if v_ready then
    perform pg_notify('ops_run_queued', '');
  end if;
  return null;
end;
$$;
comment on function ops.admit_runs() is 'After insert on runs, each statement.';
