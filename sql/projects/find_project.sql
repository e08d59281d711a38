-- The project of a slug or an id.
create or replace function ops.find_project(p_project text)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_id uuid;
begin
  select p.id into v_id from ops.projects p where p.slug = p_project;
  if not found and p_project ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select p.id into v_id from ops.projects p where p.id = p_project::uuid;
  end if;
  if v_id is null or not ops.is_member(v_id, 'viewer') then
    raise exception using
      errcode = 'OP001', message = format('project %s not found', coalesce(p_project, 'null'));
  end if;
  return v_id;
end;
$$;
comment on function ops.find_project(text) is
  'The id of a project by slug or id; OP001 when there is none that the caller may see.';
