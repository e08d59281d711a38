-- Who sees which rows of ops.workers (sql/README.md).
alter table ops.workers enable row level security;

drop policy if exists operators_read on ops.workers;
create policy operators_read on ops.workers
for select to ops_operator, service_role using (true);

drop policy if exists readers_read on ops.workers;
create policy readers_read on ops.workers
for select to ops_reader using (true);
