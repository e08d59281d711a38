-- Who sees which rows of ops.run_attempts (sql/README.md).
alter table ops.run_attempts enable row level security;

drop policy if exists operators_read on ops.run_attempts;
create policy operators_read on ops.run_attempts
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_attempts;
create policy members_read on ops.run_attempts
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.run_attempts;
create policy readers_read on ops.run_attempts
for select to ops_reader using (true);
