-- Which runs a worker with these labels gets next, locked. Order: priority, then the project served
-- longest ago, then age. Runs that cannot start are not in the index that is read here; a worker
-- looks only at label sets that it satisfies. A run is locked before its limit slots, the only place
-- where that is so: neither lock is ever waited for (skip locked), so it is part of no deadlock.
create or replace function ops.pick_runs(p_labels text[], p_limit int)
returns uuid[]
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := ops.clock(); -- volatile: in the query it would be asked for each row
  v_label_sets int[];
  v_label_set int;
  v_after int := -1;
  v_head record;
  v_priority int;
  v_project_id uuid;
  v_only_set int;
  v_alone boolean;
  v_lane record;
  v_lanes_done int;
  v_before int;
  v_ids uuid[] := '{}';
begin
  if exists (select from ops.runs r where r.blocked_by = 'due' and r.not_before <= v_now) then
    perform ops.ready_due_runs(100);
  end if;
  v_label_sets := array(select s.id from ops.label_sets s where s.labels <@ p_labels);
  loop
    v_priority := null;
    foreach v_label_set in array v_label_sets loop
      select r.priority, r.project_id into v_head
      from ops.runs r
      where r.ready and r.label_set_id = v_label_set and r.priority > v_after
      order by r.priority, r.project_id, r.id limit 1;
      continue when not found or v_head.priority > v_priority;
      v_alone := v_priority is null or v_head.priority < v_priority;
      v_priority := v_head.priority;
      v_project_id := v_head.project_id;
      v_only_set := v_label_set;
    end loop;
    exit when v_priority is null;
    v_after := v_priority;
    if v_alone and not exists (
      select from ops.runs r
      where r.ready and r.label_set_id = v_only_set and r.priority = v_priority
        and r.project_id > v_project_id
    ) then
      v_ids := v_ids || ops.take_from_lane(
        v_only_set, v_priority, v_project_id, p_limit - cardinality(v_ids), v_ids
      );
      exit when cardinality(v_ids) >= p_limit;
      continue;
    end if;

    loop
      v_before := cardinality(v_ids);
      v_lanes_done := 0;
      for v_lane in
        with recursive lanes as (
          select s.id as label_set_id, h.project_id, h.id
          from unnest(v_label_sets) s (id)
          cross join lateral (
            select r.project_id, r.id from ops.runs r
            where r.ready and r.label_set_id = s.id and r.priority = v_priority
            order by r.project_id, r.id limit 1
          ) h
          union all
          select l.label_set_id, h.project_id, h.id
          from lanes l
          cross join lateral (
            select r.project_id, r.id from ops.runs r
            where r.ready and r.label_set_id = l.label_set_id and r.priority = v_priority
              and r.project_id > l.project_id
            order by r.project_id, r.id limit 1
          ) h
        )
        select l.label_set_id, l.project_id, count(*) over () as lane_count
        from lanes l
        order by pg_sequence_last_value(
          ('ops.turn_' || replace(l.project_id::text, '-', ''))::regclass
        ) nulls first, l.id
      loop
        v_ids := v_ids || ops.take_from_lane(
          v_lane.label_set_id, v_priority, v_lane.project_id,
          ceil((p_limit - cardinality(v_ids))::numeric / (v_lane.lane_count - v_lanes_done))::int,
          v_ids
        );
        v_lanes_done := v_lanes_done + 1;
        exit when cardinality(v_ids) >= p_limit;
      end loop;
      exit when cardinality(v_ids) >= p_limit or cardinality(v_ids) = v_before;
    end loop;
    exit when cardinality(v_ids) >= p_limit;
  end loop;
  return v_ids;
end;
$$;
comment on function ops.pick_runs(text[], int) is
  'Ids of up to p_limit runs for a worker with these labels, in order, their rows locked.';
