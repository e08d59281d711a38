-- What schema ops is made of, one row per object: its name and its facts. Left out: partitions, sequences that
-- exist per project, and what the server's version decides (names of NOT NULL constraints, MAINTAIN).
with ours as (
  select n.oid from pg_catalog.pg_namespace n where n.nspname = 'ops'
),
relations as (
  select c.* from pg_catalog.pg_class c join ours on ours.oid = c.relnamespace
  where not c.relispartition
    and not (c.relkind = 'S' and c.relname ~ '^(run_number|turn)_[0-9a-f]{32}$')
),
columns as (
  select a.*, r.relname, r.relkind, r.relowner
  from pg_catalog.pg_attribute a join relations r on r.oid = a.attrelid
  where a.attnum > 0 and not a.attisdropped and r.relkind in ('r', 'p', 'v', 'm', 'f')
),
-- Every access list in one place: (class, oid, column) → sorted "grantee: privilege".
lists as (
  select 'class' as class, r.oid, 0 as sub, r.relowner as owner,
    coalesce(r.relacl, pg_catalog.acldefault(case r.relkind when 'S' then 's' else 'r' end::"char", r.relowner)) as list
  from relations r
  union all
  select 'column', c.attrelid, c.attnum, c.relowner, c.attacl from columns c
  union all
  select 'proc', p.oid, 0, p.proowner,
    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
  from pg_catalog.pg_proc p join ours on ours.oid = p.pronamespace
  union all
  select 'type', t.oid, 0, t.typowner,
    coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
  from pg_catalog.pg_type t join ours on ours.oid = t.typnamespace
  union all
  select 'schema', n.oid, 0, n.nspowner,
    coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
  from pg_catalog.pg_namespace n join ours on ours.oid = n.oid
  union all
  select 'default', d.oid, 0, d.defaclrole, d.defaclacl from pg_catalog.pg_default_acl d
  where d.defaclrole = pg_catalog.to_regrole('ops_owner')
),
access as (
  select l.class, l.oid, l.sub,
    pg_catalog.jsonb_agg(
      case e.grantee when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(e.grantee)::text end
        || ': ' || e.privilege_type || case when e.is_grantable then ' (may grant)' else '' end
      order by e.grantee = 0, pg_catalog.pg_get_userbyid(e.grantee) collate "C", e.privilege_type collate "C"
    ) as grants
  from lists l
  cross join lateral pg_catalog.aclexplode(l.list) e
  where e.privilege_type <> 'MAINTAIN' or e.grantee <> l.owner
  group by l.class, l.oid, l.sub
)
select 'schema ops' as name,
  pg_catalog.jsonb_build_object(
    'owner', pg_catalog.pg_get_userbyid(n.nspowner), 'grants', coalesce(a.grants, '[]')) as facts
from pg_catalog.pg_namespace n
join ours on ours.oid = n.oid
left join access a on a.class = 'schema' and a.oid = n.oid

union all
select
  case r.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end || ' ops.' || r.relname,
  pg_catalog.jsonb_build_object(
    'kind', r.relkind::text, 'owner', pg_catalog.pg_get_userbyid(r.relowner),
    'row_security', r.relrowsecurity, 'row_security_forced', r.relforcerowsecurity,
    'options', coalesce(pg_catalog.to_jsonb(r.reloptions), '[]'), 'persistence', r.relpersistence::text,
    'partition_key', pg_catalog.pg_get_partkeydef(r.oid), 'grants', coalesce(a.grants, '[]'))
from relations r
left join access a on a.class = 'class' and a.oid = r.oid
where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')

union all
select 'column ops.' || c.relname || '.' || c.attname,
  pg_catalog.jsonb_build_object(
    'type', pg_catalog.format_type(c.atttypid, c.atttypmod), 'not_null', c.attnotnull,
    'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', c.attgenerated::text,
    'identity', c.attidentity::text, 'grants', coalesce(a.grants, '[]'))
from columns c
left join pg_catalog.pg_attrdef d on d.adrelid = c.attrelid and d.adnum = c.attnum
left join access a on a.class = 'column' and a.oid = c.attrelid and a.sub = c.attnum

union all
select 'constraint ' || k.conname || ' on ops.' || r.relname,
  pg_catalog.jsonb_build_object(
    'definition', pg_catalog.pg_get_constraintdef(k.oid), 'validated', k.convalidated)
from pg_catalog.pg_constraint k
join relations r on r.oid = k.conrelid
where k.contype not in ('n', 't') and k.conparentid = 0

union all
select 'index ops.' || r.relname,
  pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_indexdef(i.indexrelid), 'valid', i.indisvalid)
from pg_catalog.pg_index i
join relations r on r.oid = i.indexrelid

union all
select 'trigger ' || t.tgname || ' on ops.' || r.relname,
  pg_catalog.jsonb_build_object(
    'definition', pg_catalog.pg_get_triggerdef(t.oid), 'enabled', t.tgenabled::text)
from pg_catalog.pg_trigger t
join relations r on r.oid = t.tgrelid
where not t.tgisinternal

union all
select 'rule ' || w.rulename || ' on ops.' || r.relname,
  pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(w.oid))
from pg_catalog.pg_rewrite w
join relations r on r.oid = w.ev_class
where w.rulename <> '_RETURN'

union all
select 'policy ' || p.polname || ' on ops.' || r.relname,
  pg_catalog.jsonb_build_object(
    'command', p.polcmd::text, 'permissive', p.polpermissive,
    'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
    'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
    'roles', (
      select pg_catalog.jsonb_agg(
        case m.role when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(m.role)::text end
        order by pg_catalog.pg_get_userbyid(m.role) collate "C")
      from pg_catalog.unnest(p.polroles) m (role)))
from pg_catalog.pg_policy p
join relations r on r.oid = p.polrelid

union all
select 'function ops.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
  pg_catalog.jsonb_build_object(
    'kind', p.prokind::text, 'arguments', pg_catalog.pg_get_function_arguments(p.oid),
    'result', pg_catalog.pg_get_function_result(p.oid), 'language', l.lanname,
    'volatility', p.provolatile::text, 'parallel', p.proparallel::text, 'strict', p.proisstrict,
    'leakproof', p.proleakproof, 'security_definer', p.prosecdef,
    'settings', coalesce(pg_catalog.to_jsonb(p.proconfig), '[]'),
    'owner', pg_catalog.pg_get_userbyid(p.proowner), 'grants', coalesce(a.grants, '[]'),
    'body', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
      coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc), 'UTF8')), 'hex'))
from pg_catalog.pg_proc p
join ours on ours.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
left join access a on a.class = 'proc' and a.oid = p.oid

union all
select 'type ops.' || t.typname,
  pg_catalog.jsonb_build_object(
    'kind', t.typtype::text, 'owner', pg_catalog.pg_get_userbyid(t.typowner),
    'grants', coalesce(a.grants, '[]'),
    'values', (
      select pg_catalog.jsonb_agg(e.enumlabel order by e.enumsortorder)
      from pg_catalog.pg_enum e where e.enumtypid = t.oid),
    'columns', (
      select pg_catalog.jsonb_agg(
        b.attname || ' ' || pg_catalog.format_type(b.atttypid, b.atttypmod) order by b.attnum)
      from pg_catalog.pg_attribute b
      where b.attrelid = t.typrelid and b.attnum > 0 and not b.attisdropped),
    'base', case t.typtype when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
    'checks', (
      select pg_catalog.jsonb_agg(pg_catalog.pg_get_constraintdef(k.oid) order by k.conname)
      from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
from pg_catalog.pg_type t
join ours on ours.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
left join access a on a.class = 'type' and a.oid = t.oid
where t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c')

union all
select 'default privileges of ' || pg_catalog.pg_get_userbyid(d.defaclrole) || ' on ' || d.defaclobjtype::text
    || coalesce(' in ' || n.nspname, ''),
  pg_catalog.jsonb_build_object('grants', coalesce(a.grants, '[]'))
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
left join access a on a.class = 'default' and a.oid = d.oid
where pg_catalog.pg_get_userbyid(d.defaclrole) = 'ops_owner' or n.nspname = 'ops'

union all
select 'role ' || r.rolname,
  pg_catalog.jsonb_build_object(
    'login', r.rolcanlogin, 'superuser', r.rolsuper, 'createrole', r.rolcreaterole, 'createdb', r.rolcreatedb,
    'bypassrls', r.rolbypassrls, 'replication', r.rolreplication, 'inherit', r.rolinherit)
from pg_catalog.pg_roles r
where r.rolname in ('ops_owner', 'ops_worker', 'ops_operator', 'ops_reader')

union all
select distinct 'membership of ' || m.rolname || ' in ' || r.rolname, '{}'::jsonb
from pg_catalog.pg_auth_members am
join pg_catalog.pg_roles r on r.oid = am.roleid
join pg_catalog.pg_roles m on m.oid = am.member
where r.rolname in ('ops_owner', 'ops_worker', 'ops_operator', 'ops_reader')
  and m.rolname in
    ('ops_owner', 'ops_worker', 'ops_operator', 'ops_reader', 'anon', 'authenticated', 'service_role')
