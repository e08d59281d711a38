-- Who sees which rows of ops.workflows (sql/README.md).
alter table ops.workflows enable row level security;

drop policy if exists operators_read on ops.workflows;
create policy operators_read on ops.workflows
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.workflows;
create policy members_read on ops.workflows
for select to authenticated
using (project_id is null or project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.workflows;
create policy readers_read on ops.workflows
for select to ops_reader using (true);
