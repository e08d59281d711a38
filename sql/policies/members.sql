-- Supabase users: the projects they are members of. The helper stands in a sub-select, so that it
-- runs once a statement and not once a row.

drop policy if exists members_read on ops.projects;
create policy members_read on ops.projects
for select to authenticated
using (id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.workflows;
create policy members_read on ops.workflows
for select to authenticated
using (project_id is null or project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.workflow_versions;
create policy members_read on ops.workflow_versions
for select to authenticated
using (exists (select from ops.workflows w where w.id = workflow_id));

drop policy if exists everybody_reads on ops.tools;
create policy everybody_reads on ops.tools
for select to authenticated using (true);

drop policy if exists everybody_reads on ops.upgrade_advisories;
create policy everybody_reads on ops.upgrade_advisories
for select to authenticated using (true);

drop policy if exists members_queue on ops.runs;
create policy members_queue on ops.runs
for insert to authenticated
with check (project_id = any ((select ops.my_project_ids('developer'))::uuid[]));

drop policy if exists members_read on ops.project_memberships;
create policy members_read on ops.project_memberships
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.concurrency_keys;
create policy members_read on ops.concurrency_keys
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.runs;
create policy members_read on ops.runs
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_dependencies;
create policy members_read on ops.run_dependencies
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_attempts;
create policy members_read on ops.run_attempts
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_steps;
create policy members_read on ops.run_steps
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_artifacts;
create policy members_read on ops.run_artifacts
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_events;
create policy members_read on ops.run_events
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists members_read on ops.run_log_chunks;
create policy members_read on ops.run_log_chunks
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
