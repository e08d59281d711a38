-- Objects in the names of catalog.sql that are older than us and may be there: what ops.older_objects holds, with the
-- parts of tables. Of an adopted table, triggers and policies have to be written down each.
with relations as (
  select c.oid, c.relname, o.fate
  from ops.older_objects o
  -- What is no relation has a name that is none.
  join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(
    case when o.kind not in ('function', 'trigger', 'policy', 'schema') then o.identity end)
  where o.kind in ('table', 'view', 'materialized view', 'foreign table', 'sequence')
    and o.fate in ('kept', 'adopted') and c.relnamespace = 'ops'::regnamespace
)
select case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end || ' ops.' || c.relname as object
from relations r join pg_catalog.pg_class c on c.oid = r.oid
union all
select 'sequence ops.' || s.relname
from relations r
join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = r.oid
  and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
union all
select 'column ops.' || r.relname || '.' || a.attname
from relations r join pg_catalog.pg_attribute a on a.attrelid = r.oid
union all
select 'column ops.' || s.relname || '.' || a.attname
from relations r
join pg_catalog.pg_depend d on d.refobjid = r.oid and d.deptype in ('a', 'i')
join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_catalog.pg_attribute a on a.attrelid = s.oid
union all
select 'constraint ' || k.conname || ' on ops.' || r.relname
from relations r join pg_catalog.pg_constraint k on k.conrelid = r.oid
union all
select 'index ops.' || i.relname
from relations r
join pg_catalog.pg_index x on x.indrelid = r.oid
join pg_catalog.pg_class i on i.oid = x.indexrelid
union all
select 'rule ' || w.rulename || ' on ops.' || r.relname
from relations r join pg_catalog.pg_rewrite w on w.ev_class = r.oid
union all
select 'trigger ' || t.tgname || ' on ops.' || r.relname
from relations r join pg_catalog.pg_trigger t on t.tgrelid = r.oid
where r.fate = 'kept'
union all
select 'policy ' || p.polname || ' on ops.' || r.relname
from relations r join pg_catalog.pg_policy p on p.polrelid = r.oid
where r.fate = 'kept'
  or p.polname in ('odooops_operators', 'odooops_older_rights')
union all
select o.kind || ' ' || o.identity
from ops.older_objects o where o.kind in ('trigger', 'policy', 'type') and o.identity is not null
union all
select 'function ops.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'
from ops.older_objects o
join pg_catalog.pg_proc p on p.oid = pg_catalog.to_regprocedure(
  case o.kind when 'function' then o.identity end)
where o.fate = 'kept'
