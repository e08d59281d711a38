-- Who sees which rows of ops.run_log_chunks (sql/README.md).
alter table ops.run_log_chunks enable row level security;

drop policy if exists operators_read on ops.run_log_chunks;
create policy operators_read on ops.run_log_chunks
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_log_chunks;
create policy members_read on ops.run_log_chunks
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.run_log_chunks;
create policy readers_read on ops.run_log_chunks
for select to ops_reader using (true);
