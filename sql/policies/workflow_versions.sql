-- Who sees which rows of ops.workflow_versions (sql/README.md).
alter table ops.workflow_versions enable row level security;

drop policy if exists operators_read on ops.workflow_versions;
create policy operators_read on ops.workflow_versions
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.workflow_versions;
create policy members_read on ops.workflow_versions
for select to authenticated
using (exists (select from ops.workflows w where w.id = workflow_id));
