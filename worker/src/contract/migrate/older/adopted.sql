-- What is wrong with adopted tables: property, what it should be, what it is.
select 'table ' || o.identity as object, f.property, f.expected, f.found
from ops.older_objects o
join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(
  case o.kind when 'table' then o.identity end)
cross join lateral (
  values
    ('owner', '"ops_owner"'::jsonb, pg_catalog.to_jsonb(pg_catalog.pg_get_userbyid(c.relowner))),
    ('row_security', 'true', pg_catalog.to_jsonb(c.relrowsecurity)),
    ('row_security_forced', 'false', pg_catalog.to_jsonb(c.relforcerowsecurity)),
    ('grants', '[]', coalesce((
      select pg_catalog.jsonb_agg(
        case e.grantee when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(e.grantee)::text end
          || ': ' || e.privilege_type)
      from pg_catalog.aclexplode(c.relacl) e
      where e.grantee <> c.relowner
        and (e.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or e.grantee = 0)), '[]'))
) f (property, expected, found)
where o.kind = 'table' and o.fate = 'adopted' and f.expected <> f.found
