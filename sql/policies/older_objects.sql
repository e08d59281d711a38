-- Who sees which rows of ops.older_objects (sql/README.md).

drop policy if exists operators_read on ops.older_objects;
create policy operators_read on ops.older_objects
for select to ops_operator, service_role using (true);
