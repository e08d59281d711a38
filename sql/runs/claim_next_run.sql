-- Claims the next run, if there is one; also from psql: select * from ops.claim_next_run('worker-001').
-- What claim_runs does for one, in small statements: that costs half of one large one.
create or replace function ops.claim_next_run(p_worker_id text, p_lease_secs int default 30)
returns setof ops.claimed_run
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_worker ops.worker_row;
  v_run ops.runs;
  v_known record;
  v_claimed ops.claimed_run;
begin
  if p_lease_secs is null or p_lease_secs not between 1 and 3600 then
    perform ops.require_lease_secs(p_lease_secs);
  end if;
  v_worker := ops.enter_worker(p_worker_id);
  if v_worker.drain_requested then
    return;
  end if;
  v_run.id := (ops.pick_runs(v_worker.labels, 1))[1];
  if v_run.id is null then
    return;
  end if;
  update ops.runs r
  set status = 'claimed', ready = false, active = true, attempt = r.attempt + 1,
    claimed_by = p_worker_id, claimed_at = v_now, updated_at = v_now,
    lease_expires_at = v_now + make_interval(secs => p_lease_secs)
  where r.id = v_run.id
  returning r.* into v_run;
  v_claimed.claim_token := gen_random_uuid();
  insert into ops.run_attempts (run_id, attempt, project_id, worker_id, token, started_at)
  values (v_run.id, v_run.attempt, v_run.project_id, p_worker_id, v_claimed.claim_token, v_now);
  insert into ops.run_events (run_id, project_id, attempt, "from", "to", actor, created_at)
  values (
    v_run.id, v_run.project_id, v_run.attempt, 'queued', 'claimed', 'worker:' || p_worker_id, v_now
  );
  select p.slug, p.repo_url, p.default_branch, p.odoo_version, p.settings, w.name, w.kind,
    d.definition
  into v_known
  from ops.workflows w
  join ops.workflow_versions d on d.workflow_id = w.id
  join ops.projects p on p.id = v_run.project_id
  where w.id = v_run.workflow_id and d.version = v_run.workflow_version;
  select coalesce(jsonb_object_agg(t.name, concat_ws('@', t.image, t.digest)), '{}')
  into v_claimed.tool_images from ops.tools t;
  v_claimed.step_states := '[]';
  if v_run.attempt > 1 or v_run.retry_of is not null then
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
    into v_claimed.step_states
    from ops.run_steps s where s.run_id = v_run.id;
  end if;
  return next row(
    v_run.id, v_run.run_number, v_run.project_id, v_known.slug, v_known.repo_url,
    v_known.default_branch, v_known.odoo_version, v_known.settings, v_run.workflow_id,
    v_known.name, v_known.kind::text, v_run.workflow_version, v_known.definition,
    v_run.environment_id, v_run.git_ref, v_run.commit_sha, v_run.input, v_run.trigger::text,
    v_run.triggered_by, v_run.priority, v_run.attempt, v_run.max_attempts, v_run.timeout_secs,
    v_run.created_at, p_worker_id, v_run.lease_expires_at, v_claimed.claim_token,
    v_claimed.tool_images, v_claimed.step_states
  )::ops.claimed_run;
end;
$$;
comment on function ops.claim_next_run(text, int) is
  'The next run for this worker with its claim token, or no row.';
