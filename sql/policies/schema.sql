-- Operators may ask `odooops migrate --check`: it reads what migrate wrote down.

drop policy if exists operators_read on ops.schema_history;
create policy operators_read on ops.schema_history
for select to ops_operator, service_role using (true);

drop policy if exists operators_read on ops.schema_objects;
create policy operators_read on ops.schema_objects
for select to ops_operator, service_role using (true);

drop policy if exists operators_read on ops.older_objects;
create policy operators_read on ops.older_objects
for select to ops_operator, service_role using (true);
