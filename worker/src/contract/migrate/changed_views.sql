select o.identity, o.view_digest as expected, now.digest as found
from ops.schema_objects o
cross join lateral pg_catalog.to_regclass(o.identity) as view
cross join lateral (
  select pg_catalog.encode(
    pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.pg_get_viewdef(view), 'UTF8')), 'hex') as digest
) now
where o.type = 'view' and view is not null
  and o.server_major = pg_catalog.current_setting('server_version_num')::int / 10000
  and now.digest <> o.view_digest
order by o.identity
