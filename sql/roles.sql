-- Roles, the schema and who may enter it. Run by `odooops migrate` before the migrations, as the
-- migrating role; safe to repeat. Roles are per cluster: another database may be migrated now too, and
-- then this fails with 'already exists' or 'tuple concurrently updated'; migrate repeats it whole.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'ops_owner', 'ops_worker', 'ops_operator', 'ops_reader',
    'anon', 'authenticated', 'service_role'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin', v_role);
      exception when duplicate_object or unique_violation then
        null; -- made by another database's migration in this moment
      end;
    end if;
  end loop;
end $$;

do $$
declare
  -- Since PostgreSQL 16 a role's maker is its member, but may not yet act as it.
  v_right text := case
    when current_setting('server_version_num')::int >= 160000 then 'set' else 'member'
  end;
begin
  if not pg_catalog.pg_has_role(current_user, 'ops_owner', v_right) then
    execute format('grant ops_owner to %I', current_user);
  end if;
  if not pg_catalog.pg_has_role('service_role', 'ops_operator', 'member') then
    grant ops_operator to service_role;
  end if;
  if not pg_catalog.has_database_privilege('ops_owner', current_database(), 'create') then
    execute format('grant create on database %I to ops_owner', current_database());
  end if;
end $$;

create schema if not exists ops authorization ops_owner;

-- Without `in schema`: with it the default for PUBLIC would stay.
alter default privileges for role ops_owner revoke execute on functions from public;
