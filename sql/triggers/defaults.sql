-- Ids by a function of ours: the tables are made before it.
alter table ops.instance alter column id set default ops.uuid_v7();
alter table ops.projects alter column id set default ops.uuid_v7();
alter table ops.upgrade_advisories alter column id set default ops.uuid_v7();
