-- What files of sql/ do to tables without making an object: row security, defaults that call functions of
-- ours, and grants (one row for all of them). New partitions and sequences of projects change nothing here.
select 'row_security' as kind, c.relname::text as table_name, 'off' as fact
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'ops' and c.relkind in ('r', 'p') and not c.relispartition
  and (not c.relrowsecurity or c.relforcerowsecurity)
union all
select 'default', c.relname::text, a.attname || ' ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
from pg_catalog.pg_attrdef d
join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
join pg_catalog.pg_class c on c.oid = d.adrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'ops' and not c.relispartition
  and pg_catalog.pg_get_expr(d.adbin, d.adrelid) like '%ops.%'
union all
select 'grants', '',
  pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(coalesce(pg_catalog.string_agg(
    pg_catalog.concat_ws(' ', l.place, e.grantee, e.privilege_type, e.is_grantable), ','
    order by l.place collate "C", e.grantee, e.privilege_type collate "C"), ''), 'UTF8')), 'hex')
from (
  select c.relname::text as place, c.relowner as owner, c.relacl as list
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'ops'
  union all
  select c.relname || '.' || a.attname, c.relowner, a.attacl
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'ops' and a.attnum > 0 and not a.attisdropped
  union all
  select p.oid::regprocedure::text, p.proowner,
    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'ops'
  union all
  select n.nspname, n.nspowner, n.nspacl from pg_catalog.pg_namespace n where n.nspname = 'ops'
) l
cross join lateral pg_catalog.aclexplode(l.list) e
where e.grantee <> l.owner
order by 1, 2, 3
