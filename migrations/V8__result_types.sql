-- Row types that functions return: built-in types only, so that a client needs no look-up.

create type ops.contract_version as (
  version int,
  min_worker_version text,
  instance_id uuid
);

create type ops.run_state as (
  id uuid,
  run_number bigint,
  status text,
  attempt int,
  failure_reason text,
  updated_at timestamptz
);

create type ops.completed_run as (
  id uuid,
  run_number bigint,
  status text,
  attempt int,
  failure_reason text,
  updated_at timestamptz,
  refused_with text,
  refusal text
);
comment on type ops.completed_run is
  'One element of a batch: its state, or the SQLSTATE and message with which it was refused.';

create type ops.claimed_run as (
  id uuid,
  run_number bigint,
  project_id uuid,
  project_slug text,
  repo_url text,
  default_branch text,
  odoo_version text,
  project_settings jsonb,
  workflow_id uuid,
  workflow_name text,
  workflow_kind text,
  workflow_version int,
  definition jsonb,
  environment_id uuid,
  git_ref text,
  commit_sha text,
  input jsonb,
  trigger text,
  triggered_by text,
  priority int,
  attempt int,
  max_attempts int,
  timeout_secs int,
  created_at timestamptz,
  claimed_by text,
  lease_expires_at timestamptz,
  claim_token uuid,
  tool_images jsonb,
  step_states jsonb
);
comment on type ops.claimed_run is
  'A run as its worker gets it. tool_images: {name: image}; step_states: [{attempt, step, status,
exit_code, detail}] of earlier attempts.';

create type ops.run_lease as (
  run_id uuid,
  lost boolean,
  cancel_requested boolean,
  lease_expires_at timestamptz,
  drain_requested boolean,
  next_due_in_ms bigint
);
comment on type ops.run_lease is
  'Answer to heartbeat_worker: one row per run, or a single row with run_id null when it named none.';

create type ops.renewed_lease as (
  cancel_requested boolean,
  lease_expires_at timestamptz
);

create type ops.worker_row as (
  id text,
  labels text[],
  slots int,
  version text,
  host text,
  state text,
  reason text,
  drain_requested boolean,
  last_seen_at timestamptz,
  info jsonb
);

create type ops.artifact_row as (
  run_id uuid,
  artifact_key text,
  s3_url text,
  size_bytes bigint,
  sha256 text,
  content_type text,
  expires_at timestamptz,
  metadata jsonb,
  created_at timestamptz
);

create type ops.run_row as (
  id uuid,
  run_number bigint,
  project_id uuid,
  project_slug text,
  workflow_id uuid,
  workflow_name text,
  workflow_version int,
  git_ref text,
  commit_sha text,
  input jsonb,
  trigger text,
  triggered_by text,
  priority int,
  status text,
  attempt int,
  failure_reason text,
  error_message text,
  retry_of uuid,
  cancel_requested_at timestamptz,
  cancel_reason text,
  created_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz
);

create type ops.project_row as (
  id uuid,
  slug text,
  name text,
  repo_url text,
  default_branch text,
  odoo_version text,
  status text,
  paused_reason text,
  max_running int,
  settings jsonb
);

create type ops.waiting_run as (
  position bigint,
  run_id uuid,
  run_number bigint,
  project_slug text,
  workflow_name text,
  git_ref text,
  priority int,
  attempt int,
  age_secs bigint,
  cause text,
  detail text,
  created_at timestamptz
);

create type ops.wait_explanation as (
  cause text,
  detail text
);

create type ops.reaped_run as (
  id uuid,
  run_number bigint,
  attempt int,
  worker_id text,
  status text
);

create type ops.token_attempt as (
  attempt int,
  project_id uuid,
  active boolean,
  status ops.run_status
);
comment on type ops.token_attempt is 'The attempt that a claim token belongs to; inside functions only.';

create type ops.run_options as (
  priority int,
  required_labels text[],
  concurrency_key text,
  idempotency_key text,
  environment_id uuid,
  not_before timestamptz,
  timeout_secs int,
  max_attempts int,
  parent_run_id uuid,
  trigger text,
  depends_on uuid[]
);
comment on type ops.run_options is 'p_options of enqueue_run, read; inside functions only.';
