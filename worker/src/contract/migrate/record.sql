-- Writes the manifest: $1 types and $2 identities of what was made.
insert into ops.schema_objects (type, identity, view_digest, server_major)
select o.type, o.identity,
  case o.type when 'view' then
    encode(sha256(convert_to(pg_catalog.pg_get_viewdef(o.identity::regclass), 'UTF8')), 'hex')
  end,
  current_setting('server_version_num')::int / 10000
from unnest($1::text[], $2::text[]) as o (type, identity)
