-- The fleet: who is there, with what, doing how much.
create or replace view ops.worker_overview
with (security_invoker = true) as
select
  w.id,
  case when h.last_seen_at < ops.clock() - interval '90 seconds' then 'offline'
    else w.state::text end as state,
  w.reason,
  coalesce(w.operator_labels, w.labels) as labels,
  w.slots,
  (select count(*) from ops.runs r where r.active and r.claimed_by = w.id) as running,
  w.drain_requested_at is not null as drain_requested,
  w.version,
  w.host,
  h.last_seen_at
from ops.workers w
join ops.worker_heartbeats h on h.worker_id = w.id;
comment on view ops.worker_overview is 'Workers; one not heard of for 90 seconds is shown offline.';
