-- The enums of the tables. Functions take and give text, so that no pooler has to look types up.

create type ops.project_status as enum ('active', 'archived');
create type ops.member_role as enum ('viewer', 'developer', 'admin', 'owner');
create type ops.workflow_kind as enum
  ('build', 'test', 'deploy', 'backup', 'restore', 'clone', 'update', 'upgrade', 'custom');
create type ops.run_trigger as enum
  ('manual', 'push', 'pull_request', 'schedule', 'api', 'run');
create type ops.run_status as enum
  ('queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled');
create type ops.failure_reason as enum
  ('user', 'timeout', 'invalid', 'canceled', 'infra', 'lost');
create type ops.wait_cause as enum
  ('dependency', 'due', 'paused', 'project_limit', 'key');
create type ops.attempt_outcome as enum ('succeeded', 'failed', 'canceled', 'released', 'lost');
create type ops.step_status as enum ('running', 'succeeded', 'failed', 'canceled', 'skipped');
create type ops.worker_state as enum ('available', 'busy', 'draining', 'sick', 'offline');
create type ops.advisory_severity as enum ('info', 'warning', 'breaking');

comment on type ops.member_role is 'Ordered: each role may what the roles before it may.';
comment on type ops.wait_cause is
  'Why a queued run is not in the claim index, in the order in which causes are looked at.';
comment on type ops.attempt_outcome is
  'How an attempt ended; failed with a retryable reason puts the run back into the queue.';
