-- For a worker that found nothing: how long until the next waiting run becomes due. It then wakes
-- by itself; nobody sends a signal for the passing of time.
create or replace function ops.next_due_in_ms()
returns bigint
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when r.not_before <= ops.clock() then 0
    else ceil(extract(epoch from r.not_before - ops.clock()) * 1000)::bigint
  end
  from ops.runs r
  where r.blocked_by = 'due' and r.not_before < 'infinity'
  order by r.not_before
  limit 1;
$$;
comment on function ops.next_due_in_ms() is
  'Milliseconds until the next run becomes due, 0 when one is; null when none waits for its time.';
