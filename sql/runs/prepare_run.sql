-- Trigger before an insert into runs: fills in what is nobody's to set, checks that everything that the
-- row names belongs to its project, and decides why the run has to wait, as far as this row tells.
-- Keys and limits are looked at once per statement, by admit_runs.
create or replace function ops.prepare_run()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_known record;
begin
  select p.status, p.paused_reason, p.max_running,
    w.id as workflow_id, w.project_id as workflow_project, w.enabled, w.version,
    w.definition ->> 'concurrency_key' as concurrency_key,
    (w.definition ->> 'timeout_secs')::numeric::int as timeout_secs
  into v_known
  from ops.projects p
  left join ops.workflows w on w.id = new.workflow_id
  where p.id = new.project_id;
  if not found then
    raise exception using
      errcode = 'OP001',
      message = format('project %s not found', coalesce(new.project_id::text, 'null'));
  end if;
  if v_known.workflow_id is null or v_known.workflow_project <> new.project_id then
    raise exception using
      errcode = 'OP001',
      message = format(
        'workflow %s not found in project %s', coalesce(new.workflow_id::text, 'null'), new.project_id
      );
  end if;
  if v_known.status <> 'active' or not v_known.enabled then
    raise exception using
      errcode = 'OP002',
      message = format('no run can be queued in project %s', new.project_id),
      detail = case when v_known.enabled then 'the project is archived'
        else format('workflow %s is disabled', new.workflow_id) end;
  end if;
  if not isfinite(new.not_before) then
    raise exception using
      errcode = 'OP004',
      message = format('not_before: must be a time, not %s', new.not_before);
  end if;
  if new.parent_run_id is not null and not exists (
    select from ops.runs r where r.id = new.parent_run_id and r.project_id = new.project_id
  ) then
    raise exception using
      errcode = 'OP001',
      message = format('parent run %s not found in project %s', new.parent_run_id, new.project_id);
  end if;

  new.id := ops.uuid_v7();
  new.run_number := nextval(
    format('ops.%I', 'run_number_' || replace(new.project_id::text, '-', ''))::regclass
  );
  new.workflow_version := v_known.version;
  new.input := coalesce(new.input, '{}');
  new.priority := coalesce(new.priority, 100);
  new.max_attempts := coalesce(new.max_attempts, 3);
  new.trigger := coalesce(new.trigger, 'manual');
  new.triggered_by := coalesce(new.triggered_by, ops.actor());
  new.timeout_secs := coalesce(new.timeout_secs, v_known.timeout_secs);
  new.concurrency_key := coalesce(new.concurrency_key, v_known.concurrency_key);
  new.created_at := v_now;
  new.updated_at := v_now;
  new.status := 'queued';
  new.limited := v_known.max_running is not null;
  if new.required_labels is null or cardinality(new.required_labels) = 0 then
    new.required_labels := '{}';
    new.label_set_id := 0;
  else
    new.required_labels := ops.sorted_labels('required_labels', new.required_labels);
    new.label_set_id := ops.intern_labels(new.required_labels);
  end if;
  if new.blocked_by is distinct from 'dependency' then
    new.blocked_by := case
      when new.not_before > v_now then 'due'
      when v_known.paused_reason is not null then 'paused'
      when new.limited then 'project_limit'
      when new.concurrency_key is not null then 'key'
    end;
  end if;
  new.ready := new.blocked_by is null;
  return new;
end;
$$;
comment on function ops.prepare_run() is 'Before insert on runs, each row.';
