-- Whether the caller runs the platform: may call without a token and sees every project.
create or replace function ops.is_operator()
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select pg_has_role(c.role_name, 'ops_operator', 'usage')
    or pg_has_role(c.role_name, 'service_role', 'usage')
  from (select ops.caller() as role_name) c;
$$;
comment on function ops.is_operator() is 'True for members of ops_operator or service_role.';
