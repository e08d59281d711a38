-- Gives a user a role in a project; null takes it away. For operators and the project's admins; only
-- operators and owners make or remove owners.
create or replace function ops.put_member(p_project text, p_user_id uuid, p_role text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id uuid := ops.find_project(p_project);
  v_now_role ops.member_role;
begin
  if p_user_id is null then
    raise exception using errcode = 'OP004', message = 'p_user_id: must not be null';
  end if;
  if p_role not in ('viewer', 'developer', 'admin', 'owner') then
    raise exception using
      errcode = 'OP004',
      message = 'p_role: viewer, developer, admin, owner, or null for none',
      detail = format('it was %L', p_role);
  end if;
  select m.role into v_now_role from ops.project_memberships m
  where m.project_id = v_id and m.user_id = p_user_id for no key update;
  perform ops.require_member(
    v_id, case when p_role = 'owner' or v_now_role = 'owner' then 'owner' else 'admin' end,
    'change members'
  );
  if p_role is null then
    delete from ops.project_memberships m where m.project_id = v_id and m.user_id = p_user_id;
    return;
  end if;
  insert into ops.project_memberships as m (project_id, user_id, role, created_at)
  values (v_id, p_user_id, p_role::ops.member_role, ops.clock())
  on conflict (user_id, project_id) do update set role = excluded.role;
end;
$$;
comment on function ops.put_member(text, uuid, text) is 'Sets or, with null, removes a user''s role.';
