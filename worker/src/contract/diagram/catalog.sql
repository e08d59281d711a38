-- Schema ops as a reader of a diagram wants it, as one document. Left out: partitions, what migrate keeps for
-- itself, and what the server's version decides (names of NOT NULL constraints).
with relations as (
  select c.oid, c.relname, c.relkind
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'ops'
    and c.relkind in ('r', 'p', 'v', 'm')
    and not c.relispartition
    and c.relname not in ('schema_history', 'schema_objects', 'schema_digests', 'older_objects')
),
columns as (
  select a.attrelid as oid,
    pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', a.attname,
      'type', pg_catalog.jsonb_build_object(
        'name', e.typname,
        'schema', nullif(n.nspname, 'pg_catalog'),
        'is_enum', e.typtype = 'e',
        'is_array', t.typcategory = 'A' and t.typelem <> 0),
      'not_null', a.attnotnull,
      'default', case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end,
      'is_identity', a.attidentity <> '',
      -- Of a table that an operator does not read at all, nothing is kept from him in particular.
      'is_secret', pg_catalog.has_any_column_privilege('ops_operator', a.attrelid, 'select')
        and not pg_catalog.has_column_privilege('ops_operator', a.attrelid, a.attnum, 'select'),
      'comment', pg_catalog.col_description(a.attrelid, a.attnum)
    ) order by a.attnum) as list
  from pg_catalog.pg_attribute a
  join relations r on r.oid = a.attrelid
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_type e
    on e.oid = case when t.typcategory = 'A' and t.typelem <> 0 then t.typelem else t.oid end
  join pg_catalog.pg_namespace n on n.oid = e.typnamespace
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped
  group by a.attrelid
),
constraints as (
  select k.*,
    (select pg_catalog.jsonb_agg(a.attname order by p.position)
      from pg_catalog.unnest(k.conkey) with ordinality p (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.attnum) as columns,
    (select pg_catalog.jsonb_agg(a.attname order by p.position)
      from pg_catalog.unnest(k.confkey) with ordinality p (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.attnum) as target_columns
  from pg_catalog.pg_constraint k
  join relations r on r.oid = k.conrelid
),
keys as (
  select k.conrelid as oid,
    pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', k.conname, 'is_primary', k.contype = 'p', 'columns', k.columns
    ) order by k.contype, k.conname) as list
  from constraints k where k.contype in ('p', 'u')
  group by k.conrelid
),
foreign_keys as (
  select k.conrelid as oid,
    pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', k.conname, 'columns', k.columns, 'target', t.relname,
      'target_columns', k.target_columns,
      'on_delete', case k.confdeltype when 'c' then 'cascade' when 'n' then 'set_null'
        when 'd' then 'set_default' when 'r' then 'restrict' else 'no_action' end
    ) order by k.conname) as list
  from constraints k
  join relations t on t.oid = k.confrelid
  where k.contype = 'f'
  group by k.conrelid
),
checks as (
  select k.conrelid as oid,
    pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', k.conname, 'rule', pg_catalog.pg_get_expr(k.conbin, k.conrelid)
    ) order by k.conname) as list
  from constraints k where k.contype = 'c'
  group by k.conrelid
),
indexes as (
  select i.indrelid as oid,
    pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', c.relname,
      'is_unique', i.indisunique,
      'keys', (
        select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'column', a.attname,
          'expression', case when a.attname is null
            then pg_catalog.pg_get_indexdef(i.indexrelid, position, false) end
        ) order by position)
        from pg_catalog.generate_series(1, i.indnkeyatts::int) position
        left join pg_catalog.pg_attribute a
          on a.attrelid = i.indrelid and a.attnum = i.indkey[position - 1] and a.attnum > 0),
      'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid)
    ) order by c.relname) as list
  from pg_catalog.pg_index i
  join relations r on r.oid = i.indrelid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  where not exists (
    select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  group by i.indrelid
)
select pg_catalog.jsonb_build_object(
  'enums', (
    select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', t.typname,
      'values', (
        select pg_catalog.jsonb_agg(e.enumlabel order by e.enumsortorder)
        from pg_catalog.pg_enum e where e.enumtypid = t.oid),
      'comment', pg_catalog.obj_description(t.oid, 'pg_type')
    ) order by t.typname), '[]')
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where n.nspname = 'ops' and t.typtype = 'e'),
  'relations', (
    select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', r.relname,
      'kind', case when r.relkind in ('v', 'm') then 'view' else 'table' end,
      'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
      'columns', coalesce(c.list, '[]'),
      'keys', coalesce(k.list, '[]'),
      'foreign_keys', coalesce(f.list, '[]'),
      'checks', coalesce(h.list, '[]'),
      'indexes', coalesce(i.list, '[]')
    ) order by r.relname), '[]')
    from relations r
    left join columns c on c.oid = r.oid
    left join keys k on k.oid = r.oid
    left join foreign_keys f on f.oid = r.oid
    left join checks h on h.oid = r.oid
    left join indexes i on i.oid = r.oid)
) as diagram
