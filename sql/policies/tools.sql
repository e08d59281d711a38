-- Who sees which rows of ops.tools (sql/README.md).
alter table ops.tools enable row level security;

drop policy if exists operators_read on ops.tools;
create policy operators_read on ops.tools
for select to ops_operator, service_role using (true);

drop policy if exists everybody_reads on ops.tools;
create policy everybody_reads on ops.tools
for select to authenticated using (true);
