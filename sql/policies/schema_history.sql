-- Who sees which rows of ops.schema_history (sql/README.md).

drop policy if exists operators_read on ops.schema_history;
create policy operators_read on ops.schema_history
for select to ops_operator, service_role using (true);
