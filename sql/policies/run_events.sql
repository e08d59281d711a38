-- Who sees which rows of ops.run_events (sql/README.md).
alter table ops.run_events enable row level security;

drop policy if exists operators_read on ops.run_events;
create policy operators_read on ops.run_events
for select to ops_operator, service_role using (true);

drop policy if exists members_read on ops.run_events;
create policy members_read on ops.run_events
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));
