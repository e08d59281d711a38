-- Stores a definition under a name: a new workflow, or a new version when it differs from the last.
-- The caller has checked rights and definition.
create or replace function ops.store_workflow(
  p_project_id uuid,
  p_name text,
  p_kind text,
  p_definition jsonb
)
returns int
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_workflow record;
begin
  insert into ops.workflows as w (
    id, project_id, name, kind, definition, created_at, updated_at
  )
  values (
    ops.uuid_v7(), p_project_id, p_name, coalesce(p_kind, 'custom')::ops.workflow_kind,
    p_definition, v_now, v_now
  )
  on conflict (project_id, name) do update
  set version = w.version + (w.definition <> excluded.definition)::int,
    definition = excluded.definition,
    kind = coalesce(p_kind::ops.workflow_kind, w.kind),
    updated_at = v_now
  returning w.id, w.version into v_workflow;
  insert into ops.workflow_versions (workflow_id, version, definition, created_at)
  values (v_workflow.id, v_workflow.version, p_definition, v_now)
  on conflict do nothing;
  return v_workflow.version;
end;
$$;
comment on function ops.store_workflow(uuid, text, text, jsonb) is 'Stores a definition; returns its version.';
