-- The tables that migrate itself needs. The first is refinery's, column for column.
create table if not exists ops.schema_history (
  version int4 primary key,
  name varchar(255),
  applied_on varchar(255),
  checksum varchar(255)
);
comment on table ops.schema_history is 'Migrations that were applied (refinery).';
alter table ops.schema_history enable row level security;

create table if not exists ops.schema_objects (
  type text not null,
  identity text not null,
  view_digest text,
  server_major int not null,
  constraint schema_objects_pkey primary key (type, identity)
);
comment on table ops.schema_objects is
  'What sql/ made when it was last applied; migrate drops what is here and no longer in sql/.';
comment on column ops.schema_objects.type is 'function, view, trigger or policy, as pg_identify_object says.';
comment on column ops.schema_objects.identity is 'As pg_identify_object says.';
comment on column ops.schema_objects.view_digest is 'SHA-256 of pg_get_viewdef right after a view was made.';
comment on column ops.schema_objects.server_major is 'Major version of the server that computed view_digest.';
alter table ops.schema_objects enable row level security;

create table if not exists ops.schema_digests (
  type text not null,
  identity text not null,
  file text not null,
  file_digest text not null,
  state_digest text not null,
  constraint schema_digests_pkey primary key (type, identity)
);
comment on table ops.schema_digests is
  'What each file of sql/ was and what it made; migrate passes over files of which both are unchanged. Deleting its rows makes migrate apply everything again.';
comment on column ops.schema_digests.type is
  'function, view, trigger or policy, as pg_identify_object says; or file, for the file itself.';
comment on column ops.schema_digests.identity is 'As pg_identify_object says, or the path of the file.';
comment on column ops.schema_digests.file is 'The file that makes it; empty where that is not known.';
comment on column ops.schema_digests.file_digest is 'SHA-256 of the file.';
comment on column ops.schema_digests.state_digest is
  'SHA-256 of the definition right after it was made; of a file, what it does to tables beside.';
alter table ops.schema_digests enable row level security;

create table if not exists ops.older_objects (
  kind text not null,
  older_identity text not null,
  fate text not null,
  identity text,
  generation text,
  note text,
  definition text,
  rights jsonb not null default '[]',
  made_at timestamptz not null default clock_timestamp(),
  constraint older_objects_pkey primary key (kind, older_identity),
  constraint older_objects_fate_known
    check (fate in ('adopted', 'moved', 'replaced', 'dropped', 'kept'))
);
comment on table ops.older_objects is
  'What stood in schema ops before odooops was installed, and what became of it.';
comment on column ops.older_objects.kind is
  'schema, table, view, sequence, type, function; trigger or policy of an adopted table.';
comment on column ops.older_objects.older_identity is 'What it was called.';
comment on column ops.older_objects.identity is 'What it is called now; null where it is gone.';
comment on column ops.older_objects.generation is 'The generation that its columns show.';
comment on column ops.older_objects.definition is 'Of what was dropped, replaced or moved, how it was defined.';
comment on column ops.older_objects.rights is
  'Rights that others than the owner had: [{grantee, privilege, column, grantable}].';
alter table ops.older_objects enable row level security;
