-- Events and log lines, by month of the run: a month is dropped at once when its time has come.
-- Partitions are made by ops.ensure_partitions(), months ahead; there is no default partition.

create table ops.run_events (
  run_id uuid not null,
  project_id uuid not null,
  attempt int not null,
  "from" ops.run_status,
  "to" ops.run_status,
  actor text not null,
  reason text,
  detail jsonb not null default '{}',
  created_at timestamptz not null
) partition by range (run_id);
create index run_events_run_idx on ops.run_events (run_id, created_at);
comment on table ops.run_events is 'The audit trail: append-only, even for its owner.';
comment on column ops.run_events."from" is 'Null: the run was made.';

create table ops.run_log_chunks (
  run_id uuid not null,
  attempt int not null,
  first_seq bigint not null,
  line_count int not null,
  project_id uuid not null,
  steps text[] not null,
  timestamps timestamptz[] not null,
  levels smallint[] not null,
  messages text[] not null,
  metadata jsonb,
  constraint run_log_chunks_pkey primary key (run_id, attempt, first_seq)
) partition by range (run_id);
comment on table ops.run_log_chunks is
  'Log lines in batches, as they came; read them through ops.run_logs.';
comment on column ops.run_log_chunks.steps is 'One per line; a single one is that of all lines.';
comment on column ops.run_log_chunks.levels is
  '1 debug, 2 info, 3 warning, 4 error; one per line, a single one is that of all lines.';
