-- What depends directly on object $2 (oid) of catalog $1: views by their rules, policies, triggers, functions.
select distinct i.type, i.identity
from pg_catalog.pg_depend d
left join pg_catalog.pg_rewrite r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
cross join lateral pg_catalog.pg_identify_object(
  case when r.oid is null then d.classid else 'pg_catalog.pg_class'::regclass::oid end,
  coalesce(r.ev_class, d.objid), 0
) i
where d.refclassid = $1::regclass and d.refobjid = $2::oid and d.deptype in ('n', 'a')
  and coalesce(r.ev_class, 0) <> d.refobjid
