-- The workflow that a name or a kind means in a project: the project's own before a built-in one, a
-- name before a kind, and of a kind the only one there is.
create or replace function ops.find_workflow(p_project_id uuid, p_workflow text)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_names text;
begin
  select array_agg(f.id), string_agg(f.name, ', ') into v_ids, v_names
  from (
    select w.id, w.name,
      rank() over (order by w.name <> p_workflow, w.project_id is null, not w.enabled) as place
    from ops.workflows w
    where (w.project_id = p_project_id or w.project_id is null)
      and (w.name = p_workflow or w.kind::text = p_workflow)
  ) f
  where f.place = 1;
  if v_ids is null then
    raise exception using
      errcode = 'OP001',
      message = format(
        'workflow %s not found in project %s', coalesce(p_workflow, 'null'), p_project_id
      ),
      detail = 'a name or a kind of the project''s own or a built-in workflow is needed';
  end if;
  if cardinality(v_ids) > 1 then
    raise exception using
      errcode = 'OP005',
      message = format('workflow kind %s is not unique in project %s', p_workflow, p_project_id),
      detail = format('it may be one of %s; give the name', v_names);
  end if;
  return v_ids[1];
end;
$$;
comment on function ops.find_workflow(uuid, text) is 'The workflow of a name or kind; OP001, OP005.';
