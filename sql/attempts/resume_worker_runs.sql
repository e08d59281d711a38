-- A restarted worker takes its runs back: same attempt, new tokens (the old process, should it still
-- live, has lost its claims).
create or replace function ops.resume_worker_runs(p_worker_id text, p_instance uuid)
returns setof ops.claimed_run
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_ids uuid[];
begin
  if not exists (select from ops.instance i where i.id = p_instance) then
    raise exception using
      errcode = 'OP004',
      message = format('p_instance: %s is another control plane', coalesce(p_instance::text, 'null')),
      detail = 'contract_info() says which this one is';
  end if;
  perform ops.enter_worker(p_worker_id);
  select array_agg(l.id) into v_ids
  from (
    select r.id from ops.runs r
    where r.active and r.claimed_by = p_worker_id and r.lease_expires_at >= v_now
    order by r.id
    for no key update
  ) l;
  return query
    with leased as (
      update ops.runs r
      set lease_expires_at = greatest(r.lease_expires_at, v_now + interval '30 seconds')
      where r.id = any (v_ids)
      returning r.*
    ), attempts as (
      update ops.run_attempts a
      set token = gen_random_uuid()
      from leased l
      where a.run_id = l.id and a.attempt = l.attempt
      returning a.run_id, a.token
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
    from leased c
    join attempts a on a.run_id = c.id
    join ops.projects p on p.id = c.project_id
    join ops.workflows w on w.id = c.workflow_id
    join ops.workflow_versions d on d.workflow_id = c.workflow_id and d.version = c.workflow_version
    order by c.id;
end;
$$;
comment on function ops.resume_worker_runs(text, uuid) is
  'The runs that the worker still holds, each with a fresh token.';
