-- Queues a run. p_workflow is a name or a kind: the project's own before a built-in one. A known
-- idempotency_key returns the run that has it, OP005 if it was asked for with other arguments.
create or replace function ops.enqueue_run(
  p_project text,
  p_workflow text,
  p_git_ref text default null,
  p_commit_sha text default null,
  p_input jsonb default '{}',
  p_options jsonb default '{}'
)
returns ops.run_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_project_id uuid := ops.find_project(p_project);
  v_workflow_id uuid;
  v_options ops.run_options := ops.read_run_options(p_options);
  v_run_id uuid;
begin
  perform ops.require_member(v_project_id, 'developer', 'queue runs');
  v_workflow_id := ops.find_workflow(v_project_id, p_workflow);
  if p_input is not null and jsonb_typeof(p_input) <> 'object' then
    raise exception using errcode = 'OP004', message = 'p_input: must be a JSON object';
  end if;
  if length(p_git_ref) not between 1 and 255 then
    raise exception using errcode = 'OP004', message = 'p_git_ref: 1 to 255 characters';
  end if;
  if p_commit_sha !~ '^[A-Za-z0-9]{1,64}$' then
    raise exception using errcode = 'OP004', message = 'p_commit_sha: 1 to 64 letters and digits';
  end if;
  if v_options.idempotency_key is not null then
    v_run_id := ops.run_of_idempotency_key(
      v_project_id, v_workflow_id, p_git_ref, p_commit_sha, p_input, v_options
    );
    if v_run_id is not null then
      return ops.run_row(v_run_id);
    end if;
  end if;
  insert into ops.runs (
    project_id, workflow_id, git_ref, commit_sha, input, priority, required_labels, concurrency_key,
    idempotency_key, environment_id, not_before, timeout_secs, max_attempts, parent_run_id, trigger,
    blocked_by
  )
  values (
    v_project_id, v_workflow_id, p_git_ref, p_commit_sha, p_input, v_options.priority,
    v_options.required_labels, v_options.concurrency_key, v_options.idempotency_key,
    v_options.environment_id, v_options.not_before, v_options.timeout_secs, v_options.max_attempts,
    v_options.parent_run_id, coalesce(v_options.trigger, 'api')::ops.run_trigger,
    case when cardinality(v_options.depends_on) > 0 then 'dependency'::ops.wait_cause end
  )
  on conflict (project_id, idempotency_key) where idempotency_key is not null do nothing
  returning id into v_run_id;
  if v_run_id is null then
    return ops.run_row(ops.run_of_idempotency_key(
      v_project_id, v_workflow_id, p_git_ref, p_commit_sha, p_input, v_options
    ));
  end if;
  if cardinality(v_options.depends_on) > 0 then
    perform ops.add_dependencies(v_run_id, v_project_id, v_options.depends_on);
  end if;
  return ops.run_row(v_run_id);
end;
$$;
comment on function ops.enqueue_run(text, text, text, text, jsonb, jsonb) is
  'Queues a run and returns it. p_options: column names of runs, and depends_on (run ids).';
