-- Who sees which rows of ops.run_steps (sql/README.md).
alter table ops.run_steps enable row level security;

drop policy if exists operators_read on ops.run_steps;
create policy operators_read on ops.run_steps
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_steps;
create policy members_read on ops.run_steps
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
