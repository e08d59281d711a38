-- Who sees which rows of ops.schema_digests (sql/README.md).

drop policy if exists operators_read on ops.schema_digests;
create policy operators_read on ops.schema_digests
for select to ops_operator, service_role using (true);
