-- Other sessions that hold a lock on a relation in schema ops, one line each, the longest transaction first.
-- Without the rights of pg_read_all_stats the last columns are empty for the sessions of other roles.
select format(
    'pid %s (%s, role %s, %s%s) has held %s on %s since %s',
    h.pid,
    coalesce(nullif(a.application_name, ''), 'no application_name'),
    coalesce(a.usename::text, '?'),
    coalesce(a.state, a.backend_type, 'state hidden'),
    coalesce(', last statement at ' || a.query_start::timestamptz(0)::text, ''),
    h.modes, h.relations,
    coalesce(a.xact_start::timestamptz(0)::text, '?')
  ) as holder
from (
  select l.pid, string_agg(distinct l.mode, ', ') as modes,
    string_agg(distinct c.oid::regclass::text, ', ') as relations
  from pg_catalog.pg_locks l
  join pg_catalog.pg_class c on c.oid = l.relation and c.relkind in ('r', 'p', 'v')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'ops'
  where l.locktype = 'relation' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
    and l.database = (
      select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  group by l.pid
) h
left join pg_catalog.pg_stat_activity a on a.pid = h.pid
order by a.xact_start nulls last, h.pid
limit 3
