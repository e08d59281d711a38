-- Makes runs ready whose time has come. Whether key, limit and pause allow them to start is looked
-- at by the claim.
create or replace function ops.ready_due_runs(p_limit int)
returns int
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
set enable_seqscan = off
as $$
declare
  v_now timestamptz := ops.clock();
  v_count int;
begin
  with due as (
    select r.id from ops.runs r
    where r.blocked_by = 'due' and r.not_before <= v_now
    order by r.not_before
    limit p_limit
    for no key update skip locked
  )
  update ops.runs r set ready = true, blocked_by = null
  where r.id in (select d.id from due d);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
  return v_count;
end;
$$;
comment on function ops.ready_due_runs(int) is 'Readies at most p_limit runs that are due; returns how many.';
