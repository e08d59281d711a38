-- The fleet for members of projects: whether there is a worker for their runs. All members share the workers;
-- what a worker is (host, version, why it is sick) and runs of other projects are the operators' business
-- (worker_overview), so those are not shown or counted. Who is in no project sees none.
create or replace function ops.list_workers()
returns setof ops.fleet_worker
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_operator boolean := ops.is_operator();
  v_projects uuid[] := ops.my_project_ids('viewer');
begin
  if not v_operator and cardinality(v_projects) = 0 then
    return;
  end if;
  return query
    select
      w.id,
      case when h.last_seen_at < ops.clock() - interval '90 seconds' then 'offline'
        else w.state::text end,
      coalesce(w.operator_labels, w.labels),
      w.slots,
      coalesce(c.running, 0),
      w.drain_requested_at is not null,
      h.last_seen_at
    from ops.workers w
    join ops.worker_heartbeats h on h.worker_id = w.id
    left join (
      select r.claimed_by, count(*) as running
      from ops.runs r
      where r.active and (v_operator or r.project_id = any (v_projects))
      group by r.claimed_by
    ) c on c.claimed_by = w.id
    order by w.id;
end;
$$;
comment on function ops.list_workers() is
  'Workers with state, labels and slots; running counts the runs that the caller may see.';
