-- A project as functions return it.
create or replace function ops.project_row(p_project_id uuid)
returns ops.project_row
language sql
stable
security definer
set search_path = ''
as $$
  select row(
    p.id, p.slug, p.name, p.repo_url, p.default_branch, p.odoo_version, p.status::text,
    p.paused_reason, p.max_running, p.settings
  )::ops.project_row
  from ops.projects p where p.id = p_project_id;
$$;
comment on function ops.project_row(uuid) is 'One project.';
