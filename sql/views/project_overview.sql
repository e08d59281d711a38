-- Each project with its queue and its last run.
create or replace view ops.project_overview
with (security_invoker = true) as
select
  p.id,
  p.slug,
  p.name,
  p.odoo_version,
  p.status::text as status,
  p.paused_reason,
  p.max_running,
  (
    select count(*) from ops.runs r
    where r.project_id = p.id and (r.ready or r.blocked_by is not null)
  ) as queued,
  (select count(*) from ops.runs r where r.project_id = p.id and r.active) as running,
  l.run_number as last_run_number,
  l.status::text as last_run_status,
  l.created_at as last_run_at
from ops.projects p
left join lateral (
  select r.run_number, r.status, r.created_at
  from ops.runs r where r.project_id = p.id order by r.run_number desc limit 1
) l on true;
comment on view ops.project_overview is 'Projects with what waits, what runs and what ran last.';
