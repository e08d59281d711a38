-- Who sends agents' artifacts: the server's role, operators, and who could before.
grant insert (run_id, kind, uri, sha256, size_bytes, meta)
on ops.run_artifacts to ops_operator, service_role;

do $$
declare
  v_grantee text;
begin
  for v_grantee in
    select distinct r.held ->> 'grantee'
    from ops.older_objects o
    cross join lateral pg_catalog.jsonb_array_elements(o.rights) r (held)
    join pg_catalog.pg_roles g on g.rolname = r.held ->> 'grantee'
    where o.identity = 'ops.agent_artifacts' and r.held ->> 'privilege' = 'INSERT'
      and g.rolname not in ('anon', 'ops_owner')
  loop
    execute format(
      'grant insert (run_id, kind, uri, sha256, size_bytes, meta) on ops.run_artifacts to %I',
      v_grantee
    );
  end loop;
end $$;
revoke all on function ops.route_agent_artifact from public;
