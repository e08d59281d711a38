-- The projects in which the calling user has at least a role. Policies call it in a sub-select, so
-- that it runs once a statement.
create or replace function ops.my_project_ids(p_min_role text default 'viewer')
returns uuid[]
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(array_agg(m.project_id), '{}')
  from ops.project_memberships m
  where m.user_id = ops.caller_user_id() and m.role >= p_min_role::ops.member_role;
$$;
comment on function ops.my_project_ids(text) is 'Ids of the projects where the user has this role or a higher one.';
