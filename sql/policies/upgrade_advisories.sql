-- Who sees which rows of ops.upgrade_advisories (sql/README.md).
alter table ops.upgrade_advisories enable row level security;

drop policy if exists operators_read on ops.upgrade_advisories;
create policy operators_read on ops.upgrade_advisories
for select to ops_operator, service_role using (true);

drop policy if exists everybody_reads on ops.upgrade_advisories;
create policy everybody_reads on ops.upgrade_advisories
for select to authenticated using (true);
