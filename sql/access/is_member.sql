-- Whether the calling user has at least this role in the project. Operators have every role.
create or replace function ops.is_member(p_project_id uuid, p_min_role text default 'viewer')
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select ops.is_operator() or exists (
    select from ops.project_memberships m
    where m.user_id = ops.caller_user_id()
      and m.project_id = p_project_id
      and m.role >= p_min_role::ops.member_role
  );
$$;
comment on function ops.is_member(uuid, text) is
  'True for operators and for members with this role or a higher one.';
