-- Says that no live worker satisfies these labels, and who last did; null when one does. One that
-- drains, is sick or has signed off takes no runs, so it is none.
create or replace function ops.missing_worker(p_labels text[])
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_last record;
begin
  select w.id, h.last_seen_at,
    case
      when w.state not in ('available', 'busy') then w.state::text
      when w.drain_requested_at is not null then 'asked to drain'
    end as refuses,
    w.state in ('available', 'busy') and w.drain_requested_at is null
      and h.last_seen_at >= ops.clock() - interval '90 seconds' as live
  into v_last
  from ops.workers w
  join ops.worker_heartbeats h on h.worker_id = w.id
  where coalesce(w.operator_labels, w.labels) @> p_labels
  order by live desc, h.last_seen_at desc
  limit 1;
  if v_last.live then
    return null;
  end if;
  return concat(
    'no live worker',
    case when cardinality(p_labels) > 0
      then format(' has the labels %s', array_to_string(p_labels, ', ')) end,
    case when v_last.id is not null then format(
      '; the last was %s, seen at %s%s', v_last.id,
      to_char(v_last.last_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      ', ' || v_last.refuses
    ) end
  );
end;
$$;
comment on function ops.missing_worker(text[]) is 'Null when a live worker has all these labels.';
