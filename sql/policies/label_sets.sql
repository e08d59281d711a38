-- Who sees which rows of ops.label_sets (sql/README.md).
alter table ops.label_sets enable row level security;

drop policy if exists operators_read on ops.label_sets;
create policy operators_read on ops.label_sets
for select to ops_operator, service_role using (true);
