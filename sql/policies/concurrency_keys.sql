-- Who sees which rows of ops.concurrency_keys (sql/README.md).
alter table ops.concurrency_keys enable row level security;

drop policy if exists operators_read on ops.concurrency_keys;
create policy operators_read on ops.concurrency_keys
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.concurrency_keys;
create policy members_read on ops.concurrency_keys
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
