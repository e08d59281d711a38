-- The queue and its history. One table: a partial index in claim order costs an old history nothing.

create table ops.runs (
  id uuid not null,
  run_number bigint not null,
  project_id uuid not null,
  workflow_id uuid not null,
  workflow_version int not null,
  environment_id uuid,
  git_ref text,
  commit_sha text,
  input jsonb not null default '{}',
  trigger ops.run_trigger not null default 'manual',
  triggered_by text not null,
  priority int not null default 100,
  required_labels text[] not null default '{}',
  label_set_id int not null default 0,
  concurrency_key text collate "C",
  idempotency_key text collate "C",
  parent_run_id uuid,
  retry_of uuid,
  not_before timestamptz,
  timeout_secs int,
  status ops.run_status not null default 'queued',
  ready boolean not null default false,
  active boolean not null default false,
  limited boolean not null default false,
  blocked_by ops.wait_cause,
  attempt int not null default 0,
  failed_attempts int not null default 0,
  max_attempts int not null default 3,
  infra_attempts int not null default 0,
  claimed_by text,
  claimed_at timestamptz,
  lease_expires_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  exit_code int,
  failure_reason ops.failure_reason,
  error_message text,
  result jsonb,
  cancel_requested_at timestamptz,
  cancel_reason text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint runs_pkey primary key (id),
  constraint runs_project_fkey foreign key (project_id)
    references ops.projects (id) on delete restrict,
  constraint runs_workflow_fkey foreign key (workflow_id)
    references ops.workflows (id) on delete restrict,
  constraint runs_parent_fkey foreign key (parent_run_id)
    references ops.runs (id) on delete set null,
  constraint runs_retry_of_fkey foreign key (retry_of)
    references ops.runs (id) on delete set null,
  constraint runs_input_object check (jsonb_typeof(input) = 'object'),
  constraint runs_priority_range check (priority between 0 and 10000),
  constraint runs_max_attempts_range check (max_attempts between 1 and 100),
  constraint runs_timeout_range check (timeout_secs between 1 and 2592000),
  constraint runs_git_ref_length check (length(git_ref) between 1 and 255),
  constraint runs_commit_sha_format check (commit_sha ~ '^[A-Za-z0-9]{1,64}$'),
  constraint runs_not_before_finite check (isfinite(not_before)),
  constraint runs_concurrency_key_length check (length(concurrency_key) between 1 and 200),
  constraint runs_idempotency_key_length check (length(idempotency_key) between 1 and 200),
  constraint runs_ready_is_queued check (not ready or status = 'queued' and blocked_by is null),
  constraint runs_active_has_lease check (active = (status in ('claimed', 'running'))
    and (not active or lease_expires_at is not null)),
  constraint runs_waits_for_a_cause check
    (status <> 'queued' or ready or blocked_by is not null),
  constraint runs_due_has_a_time check (blocked_by <> 'due' or not_before is not null)
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.05
);

-- status is in no index, so that claimed -> running and heartbeats stay HOT updates.
create unique index runs_number_idx on ops.runs (project_id, run_number);
create unique index runs_idempotency_idx on ops.runs (project_id, idempotency_key)
  where idempotency_key is not null;
create index runs_claim_idx on ops.runs (label_set_id, priority, project_id, id) where ready;
create index runs_active_idx on ops.runs (project_id, concurrency_key, id) where active;
create index runs_due_idx on ops.runs (not_before) where blocked_by = 'due';
create index runs_paused_idx on ops.runs (project_id, id) where blocked_by = 'paused';
create index runs_key_idx on ops.runs (project_id, concurrency_key, label_set_id, priority, id)
  where concurrency_key is not null and (ready or blocked_by is not null);
create index runs_limit_idx on ops.runs (project_id, label_set_id, priority, id)
  where limited and (ready or blocked_by = 'project_limit');
create index runs_parent_idx on ops.runs (parent_run_id) where parent_run_id is not null;
create index runs_retry_of_idx on ops.runs (retry_of) where retry_of is not null;

comment on table ops.runs is 'One row per run, from the queue to its verdict. Changed by functions only.';
comment on column ops.runs.run_number is 'Counts within the project; gaps are possible.';
comment on column ops.runs.environment_id is 'No foreign key yet: environments come later.';
comment on column ops.runs.priority is 'Lower is first.';
comment on column ops.runs.label_set_id is 'required_labels, interned.';
comment on column ops.runs.ready is
  'In the claim index. May be true a little too long (the claim looks again), never falsely false.';
comment on column ops.runs.active is 'Claimed or running; a column so that status is in no index.';
comment on column ops.runs.limited is 'The project has a max_running: claims take its limit slot.';
comment on column ops.runs.blocked_by is 'Why a queued run is not ready.';
comment on column ops.runs.attempt is 'Number of the last claim; never lowered or reused.';
comment on column ops.runs.failed_attempts is 'Leases lost; bound max_attempts.';
comment on column ops.runs.infra_attempts is 'Faults of the machine; bound 5.';

create table ops.run_dependencies (
  run_id uuid not null,
  depends_on uuid not null,
  project_id uuid not null,
  constraint run_dependencies_pkey primary key (run_id, depends_on),
  constraint run_dependencies_run_fkey foreign key (run_id)
    references ops.runs (id) on delete cascade,
  constraint run_dependencies_depends_on_fkey foreign key (depends_on)
    references ops.runs (id) on delete cascade,
  constraint run_dependencies_not_itself check (run_id <> depends_on)
);
create index run_dependencies_depends_on_idx on ops.run_dependencies (depends_on);
comment on table ops.run_dependencies is
  'run_id starts only when depends_on has succeeded; both are of the same project.';
