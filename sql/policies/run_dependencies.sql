-- Who sees which rows of ops.run_dependencies (sql/README.md).
alter table ops.run_dependencies enable row level security;

drop policy if exists operators_read on ops.run_dependencies;
create policy operators_read on ops.run_dependencies
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_dependencies;
create policy members_read on ops.run_dependencies
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
