-- Refuses who lacks a role in a project. A project that the caller cannot even see is not found.
create or replace function ops.require_member(p_project_id uuid, p_min_role text, p_what text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if ops.is_member(p_project_id, p_min_role) then
    return;
  end if;
  if not ops.is_member(p_project_id, 'viewer') then
    raise exception using
      errcode = 'OP001',
      message = format('project %s not found', p_project_id),
      detail = format('%s is no member of such a project', ops.actor());
  end if;
  raise exception using
    errcode = 'OP007',
    message = format('%s may not %s in project %s', ops.actor(), p_what, p_project_id),
    detail = format('it needs the role %s', p_min_role);
end;
$$;
comment on function ops.require_member(uuid, text, text) is
  'OP001 when the caller cannot see the project, OP007 when its role is too low.';
