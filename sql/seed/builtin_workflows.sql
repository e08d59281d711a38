-- The workflows that every project can use. A version is raised only when its definition changed.
with builtin (name, kind, definition) as (
  values
    ('odoo-build', 'build', '{"steps": [{"name": "build", "uses": "odoo/build"}]}'),
    ('odoo-test', 'test', '{"steps": [{"name": "test", "uses": "odoo/test"}]}'),
    ('odoo-backup', 'backup', '{"steps": [{"name": "backup", "uses": "odoo/backup"}]}')
)
select ops.store_workflow(null, b.name, b.kind, b.definition::jsonb) from builtin b;
