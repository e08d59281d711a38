-- Where a partition is not what its table is: one row per difference, `expected` null where something should not
-- be there, `found` null where something is missing. A statement trigger of the table is not handed down by
-- Postgres: ops.ensure_partitions makes it on each.
with partitions as (
  select c.*, p.oid as parent, p.relname as parent_name, p.relowner as parent_owner,
    p.relrowsecurity as parent_security
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relkind in ('r', 'p')
  join pg_catalog.pg_class p on p.oid = i.inhparent
  join pg_catalog.pg_namespace n on n.oid = p.relnamespace and n.nspname = 'ops'
),
triggers as (
  select t.tgrelid, t.tgname, t.tgenabled,
    t.tgfoid::regprocedure::text || ' ' || t.tgtype::text || ' ' || t.tgenabled::text as facts
  from pg_catalog.pg_trigger t
  where not t.tgisinternal or t.tgparentid <> 0 and exists (
    select from pg_catalog.pg_trigger above where above.oid = t.tgparentid and not above.tgisinternal)
)
select 'table ops.' || p.relname as object, 'row_security' as property,
  p.parent_security::text as expected, p.relrowsecurity::text as found
from partitions p where p.relrowsecurity <> p.parent_security
union all
select 'table ops.' || p.relname, 'owner', p.parent_owner::regrole::text, p.relowner::regrole::text
from partitions p where p.relowner <> p.parent_owner
union all
select 'table ops.' || p.relname, 'grants', '',
  pg_catalog.string_agg(distinct case e.grantee when 0 then 'PUBLIC' else e.grantee::regrole::text end
    || ': ' || e.privilege_type, ', ')
from partitions p
cross join lateral pg_catalog.aclexplode(p.relacl) e
where e.grantee <> p.relowner
group by p.relname
union all
select 'trigger ' || coalesce(above.tgname, own.tgname) || ' on ops.' || p.relname, 'definition',
  above.facts, own.facts
from partitions p
join (
  select i.inhrelid, t.tgname, t.facts
  from pg_catalog.pg_inherits i join triggers t on t.tgrelid = i.inhparent
) above on above.inhrelid = p.oid
left join triggers own on own.tgrelid = p.oid and own.tgname = above.tgname
where own.facts is distinct from above.facts
union all
select 'trigger ' || own.tgname || ' on ops.' || p.relname, 'definition', null, own.facts
from partitions p
join triggers own on own.tgrelid = p.oid
where not exists (
  select from triggers above where above.tgrelid = p.parent and above.tgname = own.tgname)
union all
select 'policy ' || o.polname || ' on ops.' || p.relname, 'definition', null, o.polcmd::text
from partitions p
join pg_catalog.pg_policy o on o.polrelid = p.oid
union all
select 'index ' || x.indexrelid::regclass::text || ' on ops.' || p.relname, 'valid', 'true', case
    when below.indexrelid is not null then 'false' end
from partitions p
join pg_catalog.pg_index x on x.indrelid = p.parent
left join (
  pg_catalog.pg_inherits i join pg_catalog.pg_index below on below.indexrelid = i.inhrelid
) on i.inhparent = x.indexrelid and below.indrelid = p.oid
where below.indisvalid is distinct from true
order by 1, 2
