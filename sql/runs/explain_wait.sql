-- Why a queued run has not started: every cause that holds now, the weightiest first; one row `ready`
-- when nothing does. Looks at things as they are, not at marks.
create or replace function ops.explain_wait(p_run_id uuid)
returns setof ops.wait_explanation
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_run record;
  v_count bigint;
  v_text text;
  v_causes int := 0;
begin
  perform ops.require_run_member(p_run_id, 'viewer', 'look at runs');
  select r.*, p.slug, p.paused_reason, p.max_running, p.status as project_status into v_run
  from ops.runs r join ops.projects p on p.id = r.project_id
  where r.id = p_run_id;
  if v_run.status <> 'queued' then
    return next row(
      'not waiting', format('the run is %s (attempt %s)', v_run.status, v_run.attempt)
    )::ops.wait_explanation;
    return;
  end if;
  return query
    select 'dependency', format('run %s is %s', o.id, o.status)
    from ops.run_dependencies d
    join ops.runs o on o.id = d.depends_on
    where d.run_id = p_run_id and o.status <> 'succeeded'
    order by o.id;
  get diagnostics v_count = row_count;
  v_causes := v_causes + v_count;
  if v_run.not_before > v_now then
    v_causes := v_causes + 1;
    v_text := to_char(v_run.not_before at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
    return next case
      when v_run.attempt > 0 then row('retry', format(
        'retry at %s, after attempt %s: %s', v_text, v_run.attempt,
        coalesce(v_run.failure_reason::text, 'released')
      ))::ops.wait_explanation
      else row('due', format('not due before %s', v_text))::ops.wait_explanation
    end;
  end if;
  if v_run.project_status <> 'active' or v_run.paused_reason is not null then
    v_causes := v_causes + 1;
    return next row('paused', format(
      'project %s: %s', v_run.slug, coalesce(v_run.paused_reason, 'archived')
    ))::ops.wait_explanation;
  end if;
  if v_run.max_running is not null then
    select count(*) into v_count
    from ops.runs r where r.project_id = v_run.project_id and r.active;
    if v_count >= v_run.max_running then
      v_causes := v_causes + 1;
      return next row('project_limit', format(
        'project %s runs %s of at most %s', v_run.slug, v_count, v_run.max_running
      ))::ops.wait_explanation;
    end if;
  end if;
  if v_run.concurrency_key is not null then
    select count(*), string_agg(r.id::text, ', ' order by r.id) into v_count, v_text
    from ops.runs r
    where r.project_id = v_run.project_id and r.concurrency_key = v_run.concurrency_key
      and r.active;
    if v_count >= (
      select k.max_running from ops.concurrency_keys k
      where k.project_id = v_run.project_id and k.concurrency_key = v_run.concurrency_key
    ) then
      v_causes := v_causes + 1;
      return next row(
        'key', format('key %s is held by run %s', v_run.concurrency_key, v_text)
      )::ops.wait_explanation;
    end if;
  end if;
  v_text := ops.missing_worker(v_run.required_labels);
  if v_text is not null then
    v_causes := v_causes + 1;
    return next row('no_worker', v_text)::ops.wait_explanation;
  end if;
  if v_causes = 0 then
    select count(*) into v_count
    from ops.runs r
    where r.ready and r.label_set_id = v_run.label_set_id
      and (r.priority, r.id) < (v_run.priority, p_run_id);
    return next case v_count
      when 0 then row('ready', 'the next free worker takes it')::ops.wait_explanation
      else row('ahead', format('%s runs are ahead', v_count))::ops.wait_explanation
    end;
  end if;
end;
$$;
comment on function ops.explain_wait(uuid) is
  'Rows (cause, detail): dependency, due, retry, paused, project_limit, key, no_worker, ahead, ready.';
