-- Who sees which rows of ops.instance (sql/README.md).
alter table ops.instance enable row level security;

drop policy if exists operators_read on ops.instance;
create policy operators_read on ops.instance
for select to ops_operator, service_role using (true);
