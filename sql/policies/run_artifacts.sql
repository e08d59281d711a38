-- Who sees which rows of ops.run_artifacts (sql/README.md).
alter table ops.run_artifacts enable row level security;

drop policy if exists operators_read on ops.run_artifacts;
create policy operators_read on ops.run_artifacts
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_artifacts;
create policy members_read on ops.run_artifacts
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.run_artifacts;
create policy readers_read on ops.run_artifacts
for select to ops_reader using (true);
