-- Claims up to p_limit runs for a worker, in the order of pick_runs.
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
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := ops.clock();
  v_worker ops.worker_row;
  v_ids uuid[];
begin
  if p_limit is null or p_limit not between 1 and 1000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 1000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  perform ops.require_lease_secs(p_lease_secs);
  v_worker := ops.enter_worker(p_worker_id);
  if v_worker.drain_requested then
    return;
  end if;
  v_ids := ops.pick_runs(v_worker.labels, p_limit);
  if cardinality(v_ids) = 0 then
    return;
  end if;
  return query
    with claimed as (
      update ops.runs r
      set status = 'claimed', ready = false, active = true, attempt = r.attempt + 1,
        claimed_by = p_worker_id, claimed_at = v_now, updated_at = v_now,
        lease_expires_at = v_now + make_interval(secs => p_lease_secs)
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
