-- What new runs do to older ones of the same workflow and key, as the definition says (`supersede`):
-- `queued` cancels those that wait, `all` also asks the workers of those that run. The caller holds
-- the keys' slots.
create or replace function ops.supersede_runs(p_run_ids uuid[])
returns void
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
declare
  v_run_ids uuid[];
  v_new_ids uuid[];
begin
  select array_agg(o.id order by o.id), array_agg(n.id order by o.id) into v_run_ids, v_new_ids
  from (
    select distinct on (r.project_id, r.concurrency_key, r.workflow_id) r.id, r.project_id,
      r.concurrency_key, r.workflow_id, d.definition ->> 'supersede' as mode
    from ops.runs r
    join ops.workflow_versions d
      on d.workflow_id = r.workflow_id and d.version = r.workflow_version
    where r.id = any (p_run_ids) and r.concurrency_key is not null
    order by r.project_id, r.concurrency_key, r.workflow_id, r.id desc
  ) n
  cross join lateral (
    select w.id, w.workflow_id
    from ops.runs w
    where w.project_id = n.project_id and w.concurrency_key = n.concurrency_key
      and (w.ready or w.blocked_by is not null)
    union all
    select a.id, a.workflow_id
    from ops.runs a
    where a.project_id = n.project_id and a.concurrency_key = n.concurrency_key and a.active
      and a.cancel_requested_at is null and n.mode = 'all'
  ) o
  where n.mode in ('queued', 'all') and o.workflow_id = n.workflow_id and o.id < n.id;
  if v_run_ids is null then
    return;
  end if;
  perform ops.lock_dependents(v_run_ids, true);
  perform 1 from ops.runs r where r.id = any (v_run_ids) order by r.id for no key update;
  for i in 1..cardinality(v_run_ids) loop
    perform ops.mark_canceled(
      v_run_ids[i], 'system', 'superseded', format('superseded by run %s', v_new_ids[i])
    );
  end loop;
end;
$$;
comment on function ops.supersede_runs(uuid[]) is
  'Cancels older runs with the workflow and key of new ones, where the workflow says so.';
