-- Claims up to p_limit runs for a worker. Order: priority, then the project served longest ago, then
-- age. Runs that cannot start are not in the index that is read here; a worker looks only at label
-- sets that it satisfies. A run is locked before its limit slots, the only place where that is so:
-- neither lock is ever waited for (skip locked), so it cannot be part of a deadlock.
create or replace function ops.claim_runs(
  p_worker_id text,
  p_limit int,
  p_lease_secs int default 30
)
returns setof ops.claimed_run
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
  v_now timestamptz := ops.clock();
  v_lease_expires_at timestamptz;
  v_worker ops.worker_row;
  v_label_sets int[];
  v_priority int := -1;
  v_lane record;
  v_run record;
  v_ids uuid[] := '{}';
  v_taken int;
  v_before int;
  v_quota int;
  v_lanes_done int;
  v_last_id uuid;
  v_found boolean;
begin
  if p_limit is null or p_limit not between 1 and 1000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 1000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  if p_lease_secs is null or p_lease_secs not between 1 and 3600 then
    perform ops.require_lease_secs(p_lease_secs);
  end if;
  v_lease_expires_at := v_now + make_interval(secs => p_lease_secs);
  v_worker := ops.enter_worker(p_worker_id);
  if v_worker.drain_requested then
    return;
  end if;
  if exists (select from ops.runs r where r.blocked_by = 'due' and r.not_before <= v_now) then
    perform ops.ready_due_runs(100);
  end if;
  select array_agg(s.id) into v_label_sets
  from ops.label_sets s where s.labels <@ v_worker.labels;

  <<priorities>>
  loop
    select min(h.priority) into v_priority
    from unnest(v_label_sets) s (id)
    cross join lateral (
      select r.priority from ops.runs r
      where r.ready and r.label_set_id = s.id and r.priority > v_priority
      order by r.priority limit 1
    ) h;
    exit priorities when v_priority is null;

    <<passes>>
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
        select l.label_set_id, l.project_id, p.max_running,
          p.paused_reason is not null or p.status <> 'active' as paused,
          format('ops.%I', 'turn_' || replace(l.project_id::text, '-', ''))::regclass as turn_sequence,
          count(*) over () as lane_count
        from lanes l
        join ops.projects p on p.id = l.project_id
        order by pg_sequence_last_value(
          format('ops.%I', 'turn_' || replace(l.project_id::text, '-', ''))::regclass
        ) nulls first, l.id
      loop
        v_quota := ceil(
          (p_limit - cardinality(v_ids))::numeric / (v_lane.lane_count - v_lanes_done)
        );
        v_lanes_done := v_lanes_done + 1;
        if v_lane.paused then
          perform ops.set_aside_paused(v_lane.project_id);
          continue;
        end if;
        v_taken := cardinality(v_ids);
        v_last_id := '00000000-0000-0000-0000-000000000000';
        loop
          v_found := false;
          for v_run in
            select r.id, r.concurrency_key
            from ops.runs r
            where r.ready and r.label_set_id = v_lane.label_set_id
              and r.priority = v_priority
              -- Not `=`: only runs_claim_idx has this order, so that no plan can prefer another.
              and (r.project_id, r.id) > (v_lane.project_id, v_last_id)
              and r.project_id <= v_lane.project_id
              and r.id <> all (v_ids)
            order by r.project_id, r.id
            limit v_quota
            for no key update skip locked
          loop
            v_found := true;
            v_last_id := v_run.id;
            if v_lane.max_running is not null or v_run.concurrency_key is not null then
              continue when not ops.admit_run(
                v_run.id, v_lane.project_id, v_run.concurrency_key, v_lane.max_running
              );
              update ops.runs r
              set status = 'claimed', ready = false, active = true,
                lease_expires_at = v_lease_expires_at
              where r.id = v_run.id;
            end if;
            v_ids := v_ids || v_run.id;
            v_quota := v_quota - 1;
          end loop;
          exit when v_quota <= 0 or not v_found;
        end loop;
        if cardinality(v_ids) > v_taken then
          perform setval(v_lane.turn_sequence, nextval('ops.claim_turns'));
        end if;
        exit priorities when cardinality(v_ids) >= p_limit;
      end loop;
      exit passes when cardinality(v_ids) = v_before;
    end loop;
  end loop;
  if cardinality(v_ids) = 0 then
    return;
  end if;

  return query
    with claimed as (
      update ops.runs r
      set status = 'claimed', ready = false, active = true, attempt = r.attempt + 1,
        claimed_by = p_worker_id, claimed_at = v_now, lease_expires_at = v_lease_expires_at,
        updated_at = v_now
      where r.id = any (v_ids)
      returning r.*
    ), attempts as (
      insert into ops.run_attempts (run_id, attempt, project_id, worker_id, token, started_at)
      select c.id, c.attempt, c.project_id, p_worker_id, gen_random_uuid(), v_now from claimed c
      returning run_id, token
    ), events as (
      insert into ops.run_events (run_id, project_id, attempt, "from", "to", actor, created_at)
      select c.id, c.project_id, c.attempt, 'queued', 'claimed', 'worker:' || p_worker_id, v_now
      from claimed c
    )
    select c.id, c.run_number, c.project_id, p.slug, p.repo_url, p.default_branch, p.odoo_version,
      p.settings, c.workflow_id, w.name, w.kind::text, c.workflow_version, d.definition,
      c.environment_id, c.git_ref, c.commit_sha, c.input, c.trigger::text, c.triggered_by,
      c.priority, c.attempt, c.max_attempts, c.timeout_secs, c.created_at, c.claimed_by,
      c.lease_expires_at, a.token,
      (
        select coalesce(jsonb_object_agg(t.name, concat_ws('@', t.image, t.digest)), '{}')
        from ops.tools t
      ),
      (
        select coalesce(
          jsonb_agg(
            jsonb_build_object(
              'attempt', s.attempt, 'step', s.step, 'status', s.status,
              'exit_code', s.exit_code, 'detail', s.detail
            )
            order by s.attempt, s.started_at, s.step
          ),
          '[]'
        )
        from ops.run_steps s where s.run_id = c.id
      )
    from claimed c
    join attempts a on a.run_id = c.id
    join ops.projects p on p.id = c.project_id
    join ops.workflows w on w.id = c.workflow_id
    join ops.workflow_versions d on d.workflow_id = c.workflow_id and d.version = c.workflow_version
    order by array_position(v_ids, c.id);
end;
$$;
comment on function ops.claim_runs(text, int, int) is
  'Claims up to p_limit runs for the worker; each with a token, to be kept and passed with every call.';
