-- Every function, view, trigger and policy in schema ops, but not what partitions have of their own.
-- `version` changes whenever one is made or replaced; `state` when it is no longer what was made, but for who
-- may use it: that is a matter of grants. `on_table` is where a trigger or policy hangs.
select k.class::text as class, k.oid, k.version, i.type, i.identity, k.name, k.on_table,
  pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(k.state, 'UTF8')), 'hex') as state
from (
  select 'pg_catalog.pg_proc'::regclass as class, p.oid, p.xmin::text || p.ctid::text as version,
    p.proname::text as name, null as on_table,
    p.proowner::regrole::text || ' '
      || case when p.prokind in ('f', 'p') then pg_catalog.pg_get_functiondef(p.oid) else '' end as state
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'ops'
  union all
  -- Replacing a view changes its rule, not always its row in pg_class.
  select 'pg_catalog.pg_class'::regclass, c.oid, r.xmin::text || r.ctid::text, c.relname::text, null,
    c.relowner::regrole::text || ' ' || coalesce(c.reloptions::text, '') || pg_catalog.pg_get_viewdef(c.oid)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
  where n.nspname = 'ops' and c.relkind = 'v'
  union all
  select 'pg_catalog.pg_trigger'::regclass, t.oid, t.xmin::text || t.ctid::text, t.tgname::text,
    c.oid::regclass::text, t.tgenabled::text || ' ' || pg_catalog.pg_get_triggerdef(t.oid)
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'ops' and not t.tgisinternal and not c.relispartition
  union all
  select 'pg_catalog.pg_policy'::regclass, p.oid, p.xmin::text || p.ctid::text, p.polname::text,
    c.oid::regclass::text,
    pg_catalog.concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[],
      'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
      'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'ops' and not c.relispartition
) k
cross join lateral pg_catalog.pg_identify_object(k.class, k.oid, 0) i
order by i.type, i.identity
