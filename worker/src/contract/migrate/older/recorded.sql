-- What was decided about older objects, one document a row.
select pg_catalog.jsonb_build_object(
  'kind', o.kind, 'older', o.older_identity, 'fate', o.fate, 'now', o.identity, 'generation', o.generation,
  'note', o.note, 'rights', o.rights, 'made_at', o.made_at) as record
from ops.older_objects o
order by o.kind, o.older_identity
