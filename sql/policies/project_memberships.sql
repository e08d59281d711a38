-- Who sees which rows of ops.project_memberships (sql/README.md).
alter table ops.project_memberships enable row level security;

drop policy if exists operators_read on ops.project_memberships;
create policy operators_read on ops.project_memberships
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.project_memberships;
create policy members_read on ops.project_memberships
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
