-- Who sees which rows of ops.runs (sql/README.md).
alter table ops.runs enable row level security;

drop policy if exists operators_read on ops.runs;
create policy operators_read on ops.runs
for select to ops_operator, service_role using (true);

drop policy if exists operators_queue on ops.runs;
create policy operators_queue on ops.runs
for insert to ops_operator, service_role with check (true);

drop policy if exists members_queue on ops.runs;
create policy members_queue on ops.runs
for insert to authenticated
with check (project_id = any ((select ops.my_project_ids('developer'))::uuid[]));

drop policy if exists members_read on ops.runs;
create policy members_read on ops.runs
for select to authenticated
using (project_id = any ((select ops.my_project_ids('viewer'))::uuid[]));

drop policy if exists readers_read on ops.runs;
create policy readers_read on ops.runs
for select to ops_reader using (true);
