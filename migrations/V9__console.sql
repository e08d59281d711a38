-- What a console asks for beyond the tables: rows of two functions, and when a run's log was last hinted at.

alter table ops.run_attempts add column hinted_at timestamptz;
comment on column ops.run_attempts.hinted_at is
  'When the last hint on new log lines was sent; written only where there is a schema realtime.';

create type ops.run_line as (
  id uuid,
  run_number bigint,
  project text,
  workflow text,
  status text,
  attempt int,
  git_ref text,
  commit_sha text,
  trigger text,
  triggered_by text,
  failure_reason text,
  error_message text,
  created_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz
);

create type ops.run_log_line as (
  attempt int,
  seq bigint,
  step text,
  "timestamp" timestamptz,
  level text,
  message text,
  metadata jsonb
);

create type ops.fleet_worker as (
  id text,
  state text,
  labels text[],
  slots int,
  running bigint,
  drain_requested boolean,
  last_seen_at timestamptz
);
comment on type ops.fleet_worker is
  'A worker as a member of some project sees it; running counts runs of the member''s projects only.';
