-- Who sees which rows of ops.worker_heartbeats (sql/README.md).
alter table ops.worker_heartbeats enable row level security;

drop policy if exists operators_read on ops.worker_heartbeats;
create policy operators_read on ops.worker_heartbeats
for select to ops_operator, service_role using (true);

drop policy if exists readers_read on ops.worker_heartbeats;
create policy readers_read on ops.worker_heartbeats
for select to ops_reader using (true);
