-- What callers rely on, one promise a row: functions that a role of the contract may call, their arguments and
-- results, the columns of result types and views, states, and SQLSTATEs.
with callers (role) as (
  values ('ops_worker'), ('ops_operator'), ('ops_reader'), ('authenticated'), ('service_role')
),
functions as (
  select p.*, 'ops.' || p.proname as name
  from pg_proc p
  where p.pronamespace = 'ops'::regnamespace
    and exists (select from callers c where has_function_privilege(c.role, p.oid, 'execute'))
)
select 'function ' || f.name as promise from functions f
union
select 'call ' || f.name || ' ' || c.role
from functions f join callers c on has_function_privilege(c.role, f.oid, 'execute')
union
select 'result ' || f.name || ' ' || pg_get_function_result(f.oid) from functions f
union
select 'argument ' || f.name || ' ' || f.proargnames[a.position] || ' ' || format_type(a.type, null)
  || case when a.position > f.pronargs - f.pronargdefaults then ' optional' else ' required' end
from functions f
cross join lateral unnest(f.proargtypes::oid[]) with ordinality a (type, position)
union
select 'column ' || c.oid::regclass || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'ops'::regnamespace
  and (c.relkind = 'v' or c.relkind = 'c' and exists (select from functions f where f.prorettype = c.reltype))
union
select 'state ' || e.enumtypid::regtype || ' ' || e.enumlabel
from pg_enum e join pg_type t on t.oid = e.enumtypid
where t.typnamespace = 'ops'::regnamespace
union
select 'sqlstate ' || m.code[1]
from pg_proc p
cross join lateral regexp_matches(p.prosrc, '''(OP\d{3})''', 'g') m (code)
where p.pronamespace = 'ops'::regnamespace
