-- The queue by project: what waits, for what, and for how long.
create or replace view ops.queue_overview
with (security_invoker = true) as
select
  p.slug as project,
  case
    when p.status <> 'active' or p.paused_reason is not null then 'paused'
    else coalesce(r.blocked_by::text, 'ready')
  end as waits_for,
  r.required_labels,
  count(*) as runs,
  min(r.priority) as first_priority,
  min(r.created_at) as oldest_created_at,
  round(extract(epoch from ops.clock() - min(r.created_at)))::bigint as oldest_age_secs
from ops.runs r
join ops.projects p on p.id = r.project_id
where r.ready or r.blocked_by is not null
group by 1, 2, 3;
comment on view ops.queue_overview is 'Waiting runs by project, cause and labels.';
