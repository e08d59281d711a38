-- Log lines as rows, for reading: select * from ops.run_logs where run_id = … order by attempt, seq.
create or replace view ops.run_logs
with (security_invoker = true) as
select
  c.run_id,
  c.attempt,
  c.first_seq + l.position - 1 as seq,
  case when cardinality(c.steps) = 1 then c.steps[1] else c.steps[l.position] end as step,
  l.at as "timestamp",
  case case when cardinality(c.levels) = 1 then c.levels[1] else c.levels[l.position] end
    when 1 then 'debug' when 2 then 'info' when 3 then 'warning' when 4 then 'error'
  end as level,
  l.message,
  coalesce(c.metadata, '{}') as metadata
from ops.run_log_chunks c
cross join lateral unnest(c.messages, c.timestamps) with ordinality l (message, at, position);
comment on view ops.run_logs is 'One row per log line; order by attempt, seq.';
