-- Stores a workflow definition under a name, checked; a changed one becomes a new version, and runs
-- that are queued keep theirs. p_project null: built in, for operators only.
create or replace function ops.put_workflow(
  p_project text,
  p_name text,
  p_definition jsonb,
  p_kind text default null,
  p_enabled boolean default null
)
returns int
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_project_id uuid;
  v_problem text;
  v_version int;
begin
  if p_project is null then
    perform ops.require_operator('change built-in workflows');
  else
    v_project_id := ops.find_project(p_project);
    perform ops.require_member(v_project_id, 'admin', 'change workflows');
  end if;
  v_problem := case
    when coalesce(p_name, '') !~ '^[a-z0-9][a-z0-9_-]{0,62}$'
      then 'p_name: 1 to 63 lower-case letters, digits, - and _, the first a letter or digit'
    when p_kind not in (
      'build', 'test', 'deploy', 'backup', 'restore', 'clone', 'update', 'upgrade', 'custom'
    ) then 'p_kind: build, test, deploy, backup, restore, clone, update, upgrade or custom'
    when p_definition is null then 'p_definition: must not be null'
    else 'p_definition: ' || ops.workflow_definition_problem(p_definition)
  end;
  if v_problem is not null then
    raise exception using errcode = 'OP004', message = v_problem;
  end if;
  v_version := ops.store_workflow(v_project_id, p_name, p_kind, p_definition);
  if p_enabled is not null then
    update ops.workflows w set enabled = p_enabled
    where w.project_id is not distinct from v_project_id and w.name = p_name;
  end if;
  return v_version;
end;
$$;
comment on function ops.put_workflow(text, text, jsonb, text, boolean) is
  'Stores a definition; returns its version. OP004 says the path of what is wrong.';
