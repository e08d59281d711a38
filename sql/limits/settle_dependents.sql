-- What follows for the runs that wait for this one: when it succeeded and was the last they waited
-- for, they are ready (key and limit are the claim's to look at); when not, they are canceled, and
-- theirs too. A run that waits for another holds no slot, so none is locked here.
create or replace function ops.settle_dependents(p_run_id uuid, p_succeeded boolean)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_waiting record;
  v_ready int := 0;
begin
  for v_waiting in
    select r.id
    from ops.run_dependencies d
    join ops.runs r on r.id = d.run_id
    where d.depends_on = p_run_id
    order by r.id
  loop
    perform 1 from ops.runs r
    where r.id = v_waiting.id and r.blocked_by = 'dependency' for no key update;
    continue when not found;
    if p_succeeded then
      update ops.runs r
      set ready = coalesce(r.not_before <= v_now, true),
        blocked_by = case when r.not_before > v_now then 'due'::ops.wait_cause end,
        updated_at = v_now
      where r.id = v_waiting.id and not exists (
        select from ops.run_dependencies d
        join ops.runs o on o.id = d.depends_on
        where d.run_id = v_waiting.id and o.status <> 'succeeded'
      );
      v_ready := v_ready + found::int;
    else
      perform ops.mark_canceled(
        v_waiting.id, 'system', 'dependency', format('dependency %s did not succeed', p_run_id)
      );
    end if;
  end loop;
  if v_ready > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.settle_dependents(uuid, boolean) is
  'Readies or cancels the runs that depend on one that has just finished.';
