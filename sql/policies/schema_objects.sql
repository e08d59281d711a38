-- Who sees which rows of ops.schema_objects (sql/README.md).

drop policy if exists operators_read on ops.schema_objects;
create policy operators_read on ops.schema_objects
for select to ops_operator, service_role using (true);
