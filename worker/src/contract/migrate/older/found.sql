-- What stands in schema ops, as one document. $1: the tables that migrate makes for itself, left out where ours.
with ours as (
  select n.oid, n.nspowner, n.nspacl from pg_catalog.pg_namespace n where n.nspname = 'ops'
),
members as (
  select d.classid, d.objid from pg_catalog.pg_depend d where d.deptype = 'e'
),
-- Whose code may run with ops_owner's rows: who has its rights anyway.
trusted as (
  select r.oid, r.rolname::text as name, r.rolsuper,
    r.rolsuper or r.rolname in ('ops_owner', current_user) or coalesce((
      select pg_catalog.pg_has_role(r.oid, o.oid, 'member')
      from pg_catalog.pg_roles o where o.rolname = 'ops_owner'), false) as trusted
  from pg_catalog.pg_roles r
),
relations as (
  select c.*, o.name as owner, o.rolsuper as owner_is_superuser
  from pg_catalog.pg_class c
  join ours on ours.oid = c.relnamespace
  join trusted o on o.oid = c.relowner
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not (c.relname = any ($1::text[]) and o.name = 'ops_owner')
),
rights as (
  select l.class, l.oid, l.col,
    pg_catalog.jsonb_build_object(
      'grantee', case e.grantee when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(e.grantee)::text end,
      'privilege', e.privilege_type, 'column', l.col, 'grantable', e.is_grantable) as held
  from (
    select 'class' as class, r.oid, null::text as col, r.relowner as owner, r.relacl as list from relations r
    union all
    select 'class', r.oid, a.attname::text, r.relowner, a.attacl
    from relations r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    union all
    select 'proc', p.oid, null, p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    from pg_catalog.pg_proc p join ours on ours.oid = p.pronamespace
    union all
    select 'schema', n.oid, null, n.nspowner, n.nspacl from ours n
  ) l
  cross join lateral pg_catalog.aclexplode(l.list) e
  where e.grantee <> l.owner and e.privilege_type <> 'MAINTAIN'
)
select pg_catalog.jsonb_build_object(
  'schema', (
    select pg_catalog.jsonb_build_object(
      'owner', o.name, 'owner_is_superuser', o.rolsuper,
      'rights', coalesce((
        select pg_catalog.jsonb_agg(h.held order by h.held::text) from rights h where h.class = 'schema'), '[]'))
    from ours n join trusted o on o.oid = n.nspowner),
  'older_schema', coalesce((
    select pg_catalog.jsonb_agg(distinct x.name) from (
      select c.relname::text as name from pg_catalog.pg_class c
      where c.relnamespace = pg_catalog.to_regnamespace('ops_older')
      union all
      select t.typname::text from pg_catalog.pg_type t
      where t.typnamespace = pg_catalog.to_regnamespace('ops_older')
    ) x), '[]'),
  'relations', coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', r.relname, 'kind', r.relkind::text, 'owner', r.owner,
      'owner_is_superuser', r.owner_is_superuser, 'row_security', r.relrowsecurity,
      'plain', r.relkind = 'r' and not r.relispartition and not exists (
        select from pg_catalog.pg_inherits i where r.oid in (i.inhrelid, i.inhparent)),
      'of_extension', exists (
        select from members m where m.classid = 'pg_catalog.pg_class'::regclass and m.objid = r.oid),
      'columns', coalesce((
        select pg_catalog.jsonb_object_agg(a.attname, pg_catalog.format_type(a.atttypid, null))
        from pg_catalog.pg_attribute a
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped), '{}'),
      'indexes', coalesce((
        select pg_catalog.jsonb_agg(i.relname order by i.relname)
        from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
        where x.indrelid = r.oid), '[]'),
      -- A constraint with an index is renamed with it.
      'constraints', coalesce((
        select pg_catalog.jsonb_agg(k.conname order by k.conname) from pg_catalog.pg_constraint k
        where k.conrelid = r.oid and k.contype in ('c', 'f')), '[]'),
      'sequences', coalesce((
        select pg_catalog.jsonb_agg(s.relname order by s.relname)
        from pg_catalog.pg_depend d
        join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
        where d.classid = 'pg_catalog.pg_class'::regclass
          and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = r.oid
          and d.deptype in ('a', 'i')), '[]'),
      'policies', coalesce((
        select pg_catalog.jsonb_agg(p.polname order by p.polname)
        from pg_catalog.pg_policy p where p.polrelid = r.oid), '[]'),
      'triggers', coalesce((
        select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'name', t.tgname, 'function', f.identity, 'function_owner', o.name, 'trusted', o.trusted
        ) order by t.tgname)
        from pg_catalog.pg_trigger t
        join pg_catalog.pg_proc p on p.oid = t.tgfoid
        join trusted o on o.oid = p.proowner
        cross join lateral pg_catalog.pg_identify_object('pg_catalog.pg_proc'::regclass, p.oid, 0) f
        where t.tgrelid = r.oid and not t.tgisinternal), '[]'),
      'rights', coalesce((
        select pg_catalog.jsonb_agg(h.held order by h.held::text)
        from rights h where h.class = 'class' and h.oid = r.oid), '[]'),
      'read_by', coalesce((
        select pg_catalog.jsonb_agg(distinct pg_catalog.jsonb_build_object(
          'view', v.oid::regclass::text, 'owner', o.name, 'owner_is_superuser', o.rolsuper))
        from pg_catalog.pg_depend d
        join pg_catalog.pg_rewrite w on w.oid = d.objid
        join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind in ('v', 'm')
        join trusted o on o.oid = v.relowner
        where d.classid = 'pg_catalog.pg_rewrite'::regclass
          and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = r.oid and v.oid <> r.oid), '[]'),
      'definition', case when r.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(r.oid) end
    ) order by r.relname)
    from relations r
    -- A table's own sequences are told with the table.
    where r.relkind <> 'S' or not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i'))), '[]'),
  'types', coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', t.typname,
      'of_extension', exists (
        select from members m where m.classid = 'pg_catalog.pg_type'::regclass and m.objid = t.oid)
    ) order by t.typname)
    from pg_catalog.pg_type t
    join ours on ours.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c'), '[]'),
  'functions', coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', p.proname, 'identity', i.identity,
      'source', p.prosrc, 'searches_ops', coalesce((
        select pg_catalog.bool_or(s ~ '^search_path=.*\mops\M') from pg_catalog.unnest(p.proconfig) s), false),
      'of_extension', exists (
        select from members m where m.classid = 'pg_catalog.pg_proc'::regclass and m.objid = p.oid),
      'definition', case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) else i.identity end,
      'rights', coalesce((
        select pg_catalog.jsonb_agg(h.held order by h.held::text)
        from rights h where h.class = 'proc' and h.oid = p.oid), '[]'),
      'dependents', coalesce((
        select pg_catalog.jsonb_agg(distinct x.type || ' ' || pg_catalog.replace(x.identity, 'pg_catalog.', ''))
        from pg_catalog.pg_depend d
        left join pg_catalog.pg_rewrite w
          on d.classid = 'pg_catalog.pg_rewrite'::regclass and w.oid = d.objid
        cross join lateral pg_catalog.pg_identify_object(
          case when w.oid is null then d.classid else 'pg_catalog.pg_class'::regclass::oid end,
          coalesce(w.ev_class, d.objid), 0) x
        where d.refclassid = 'pg_catalog.pg_proc'::regclass and d.refobjid = p.oid
          and d.deptype in ('n', 'a')), '[]')
    ) order by i.identity)
    from pg_catalog.pg_proc p
    join ours on ours.oid = p.pronamespace
    cross join lateral (
      select 'ops.' || pg_catalog.quote_ident(p.proname) || '(' || coalesce((
        select pg_catalog.string_agg(pg_catalog.format_type(a.type, null), ',' order by a.number)
        from pg_catalog.unnest(p.proargtypes) with ordinality a (type, number)), '') || ')' as identity
    ) i), '[]')
) as found
