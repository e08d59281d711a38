-- Who sees which rows of ops.projects (sql/README.md).
alter table ops.projects enable row level security;

drop policy if exists operators_read on ops.projects;
create policy operators_read on ops.projects
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.projects;
create policy members_read on ops.projects
for select to authenticated
using (id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.projects;
create policy readers_read on ops.projects
for select to ops_reader using (true);
