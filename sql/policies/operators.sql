-- Operators see every row; what they may do with it is a matter of grants.

alter table ops.projects enable row level security;
drop policy if exists operators_read on ops.projects;
create policy operators_read on ops.projects
for select to ops_operator, service_role using (true);

alter table ops.project_memberships enable row level security;
drop policy if exists operators_read on ops.project_memberships;
create policy operators_read on ops.project_memberships
for select to ops_operator, service_role using (true);

alter table ops.concurrency_keys enable row level security;
drop policy if exists operators_read on ops.concurrency_keys;
create policy operators_read on ops.concurrency_keys
for select to ops_operator, service_role using (true);

alter table ops.workflows enable row level security;
drop policy if exists operators_read on ops.workflows;
create policy operators_read on ops.workflows
for select to ops_operator, service_role using (true);

alter table ops.workflow_versions enable row level security;
drop policy if exists operators_read on ops.workflow_versions;
create policy operators_read on ops.workflow_versions
for select to ops_operator, service_role using (true);

alter table ops.tools enable row level security;
drop policy if exists operators_read on ops.tools;
create policy operators_read on ops.tools
for select to ops_operator, service_role using (true);

alter table ops.upgrade_advisories enable row level security;
drop policy if exists operators_read on ops.upgrade_advisories;
create policy operators_read on ops.upgrade_advisories
for select to ops_operator, service_role using (true);

alter table ops.runs enable row level security;
drop policy if exists operators_read on ops.runs;
create policy operators_read on ops.runs
for select to ops_operator, service_role using (true);

alter table ops.run_dependencies enable row level security;
drop policy if exists operators_read on ops.run_dependencies;
create policy operators_read on ops.run_dependencies
for select to ops_operator, service_role using (true);

alter table ops.run_attempts enable row level security;
drop policy if exists operators_read on ops.run_attempts;
create policy operators_read on ops.run_attempts
for select to ops_operator, service_role using (true);

alter table ops.run_steps enable row level security;
drop policy if exists operators_read on ops.run_steps;
create policy operators_read on ops.run_steps
for select to ops_operator, service_role using (true);

alter table ops.run_artifacts enable row level security;
drop policy if exists operators_read on ops.run_artifacts;
create policy operators_read on ops.run_artifacts
for select to ops_operator, service_role using (true);

alter table ops.run_events enable row level security;
drop policy if exists operators_read on ops.run_events;
create policy operators_read on ops.run_events
for select to ops_operator, service_role using (true);

alter table ops.run_log_chunks enable row level security;
drop policy if exists operators_read on ops.run_log_chunks;
create policy operators_read on ops.run_log_chunks
for select to ops_operator, service_role using (true);

alter table ops.workers enable row level security;
drop policy if exists operators_read on ops.workers;
create policy operators_read on ops.workers
for select to ops_operator, service_role using (true);

alter table ops.worker_heartbeats enable row level security;
drop policy if exists operators_read on ops.worker_heartbeats;
create policy operators_read on ops.worker_heartbeats
for select to ops_operator, service_role using (true);

alter table ops.label_sets enable row level security;
drop policy if exists operators_read on ops.label_sets;
create policy operators_read on ops.label_sets
for select to ops_operator, service_role using (true);

alter table ops.instance enable row level security;
drop policy if exists operators_read on ops.instance;
create policy operators_read on ops.instance
for select to ops_operator, service_role using (true);

drop policy if exists operators_queue on ops.runs;
create policy operators_queue on ops.runs
for insert to ops_operator, service_role with check (true);
