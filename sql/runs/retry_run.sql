-- Queues a finished run once more, as a new run with retry_of. With p_from_step the steps before it are
-- not run again: what they gave out is taken over, OP004 if that is not stored for each of them.
create or replace function ops.retry_run(p_run_id uuid, p_from_step text default null)
returns ops.run_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_run record;
  v_steps text[];
  v_position int;
  v_missing text;
  v_new_id uuid;
begin
  perform ops.require_run_member(p_run_id, 'developer', 'retry runs');
  select r.*, d.definition into v_run
  from ops.runs r
  join ops.workflow_versions d on d.workflow_id = r.workflow_id and d.version = r.workflow_version
  where r.id = p_run_id;
  if v_run.status not in ('succeeded', 'failed', 'canceled') then
    raise exception using
      errcode = 'OP002',
      message = format('run %s has not finished, it cannot be retried', p_run_id),
      detail = format('status %s', v_run.status);
  end if;
  if p_from_step is not null then
    v_steps := array(
      select s.step ->> 'name'
      from jsonb_array_elements(v_run.definition -> 'steps') with ordinality s (step, position)
      order by s.position
    );
    v_position := array_position(v_steps, p_from_step);
    if v_position is null then
      raise exception using
        errcode = 'OP004',
        message = format('p_from_step: run %s has no step %s', p_run_id, p_from_step),
        detail = format('its steps are %s', array_to_string(v_steps, ', '));
    end if;
    if exists (
      select from ops.workflows w where w.id = v_run.workflow_id and w.version <> v_run.workflow_version
    ) then
      raise exception using
        errcode = 'OP004',
        message = format('p_from_step: the workflow of run %s has changed since', p_run_id),
        detail = 'retry it whole';
    end if;
    select string_agg(e.step, ', ') into v_missing
    from unnest(v_steps[1:v_position - 1]) e (step)
    where not exists (
      select from ops.run_steps s
      where s.run_id = p_run_id and s.step = e.step and s.status = 'succeeded'
        and s.detail ? 'outputs'
    );
    if v_missing is not null then
      raise exception using
        errcode = 'OP004',
        message = format('p_from_step: the outputs of earlier steps of run %s are not stored', p_run_id),
        detail = format('missing: %s', v_missing);
    end if;
  end if;
  insert into ops.runs (
    project_id, workflow_id, environment_id, git_ref, commit_sha, input, trigger, priority,
    required_labels, concurrency_key, parent_run_id, retry_of, timeout_secs, max_attempts
  )
  values (
    v_run.project_id, v_run.workflow_id, v_run.environment_id, v_run.git_ref, v_run.commit_sha,
    v_run.input, v_run.trigger, v_run.priority, v_run.required_labels, v_run.concurrency_key,
    v_run.parent_run_id, p_run_id, v_run.timeout_secs, v_run.max_attempts
  )
  returning id into v_new_id;
  if v_position > 1 then
    insert into ops.run_steps (
      run_id, attempt, step, project_id, status, exit_code, started_at, finished_at, detail
    )
    select distinct on (s.step) v_new_id, 0, s.step, s.project_id, s.status, s.exit_code,
      s.started_at, s.finished_at, s.detail
    from ops.run_steps s
    where s.run_id = p_run_id and s.status = 'succeeded' and s.detail ? 'outputs'
      and s.step = any (v_steps[1:v_position - 1])
    order by s.step, s.attempt desc;
  end if;
  return ops.run_row(v_new_id);
end;
$$;
comment on function ops.retry_run(uuid, text) is
  'A new run like this one; from a step on when all before it left their outputs.';
