-- What hangs on a run while it is executed. Locked after the run (sql/README.md).

create table ops.run_attempts (
  run_id uuid not null,
  attempt int not null,
  project_id uuid not null,
  worker_id text not null,
  token uuid not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  outcome ops.attempt_outcome,
  left_status ops.run_status,
  exit_code int,
  failure_reason ops.failure_reason,
  error_message text,
  completion_hash text,
  phase text,
  next_seq bigint not null default 1,
  log_bytes bigint,
  log_lines bigint,
  log_sha256 text,
  constraint run_attempts_pkey primary key (run_id, attempt),
  constraint run_attempts_run_fkey foreign key (run_id)
    references ops.runs (id) on delete cascade,
  constraint run_attempts_ended check ((finished_at is null) = (outcome is null)),
  constraint run_attempts_log_sha256_format check (log_sha256 ~ '^[0-9a-f]{64}$')
) with (fillfactor = 70);
comment on table ops.run_attempts is 'One row per claim of a run.';
comment on column ops.run_attempts.token is 'The claim token: proof of the claim, readable by no role.';
comment on column ops.run_attempts.left_status is 'The status that the run got when the attempt ended.';
comment on column ops.run_attempts.completion_hash is
  'Of the arguments that completed it, so that the same call again gets the same answer.';
comment on column ops.run_attempts.next_seq is 'Number of the next log line; the first is 1.';
comment on column ops.run_attempts.log_lines is
  'What the worker said at the end of the log; the log is whole when next_seq is one more.';

create table ops.run_steps (
  run_id uuid not null,
  attempt int not null,
  step text not null,
  project_id uuid not null,
  status ops.step_status not null,
  exit_code int,
  started_at timestamptz not null,
  finished_at timestamptz,
  detail jsonb not null default '{}',
  constraint run_steps_pkey primary key (run_id, attempt, step),
  constraint run_steps_run_fkey foreign key (run_id)
    references ops.runs (id) on delete cascade
) with (fillfactor = 80);
comment on table ops.run_steps is 'State of each step in each attempt.';
comment on column ops.run_steps.attempt is '0: taken over from the run that this one retries.';

create table ops.run_artifacts (
  run_id uuid not null,
  artifact_key text not null,
  project_id uuid not null,
  attempt int not null,
  s3_url text not null,
  size_bytes bigint,
  sha256 text,
  content_type text,
  expires_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  constraint run_artifacts_pkey primary key (run_id, artifact_key),
  constraint run_artifacts_run_fkey foreign key (run_id)
    references ops.runs (id) on delete cascade,
  constraint run_artifacts_key_length check (length(artifact_key) between 1 and 1024),
  constraint run_artifacts_size_not_negative check (size_bytes >= 0),
  constraint run_artifacts_sha256_format check (sha256 ~ '^[0-9a-f]{64}$')
);
comment on table ops.run_artifacts is 'Files that a run left in the object store.';
comment on column ops.run_artifacts.s3_url is 's3://bucket/key, or file:///path on one machine.';
