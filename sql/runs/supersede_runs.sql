-- What a new run does to older ones with its key, as its workflow says (`supersede`): `queued` cancels
-- those that wait, `all` also asks the workers of those that run. The caller holds the key's slot.
create or replace function ops.supersede_runs(p_run_id uuid, p_mode text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
declare
  v_new record;
  v_old record;
begin
  select r.project_id, r.concurrency_key into v_new from ops.runs r where r.id = p_run_id;
  for v_old in
    select o.id
    from ops.runs o
    where o.project_id = v_new.project_id and o.concurrency_key = v_new.concurrency_key
      and o.id < p_run_id and (o.ready or o.blocked_by is not null)
    union all
    select o.id
    from ops.runs o
    where o.project_id = v_new.project_id and o.concurrency_key = v_new.concurrency_key
      and o.id < p_run_id and o.active and p_mode = 'all'
    order by 1
  loop
    perform 1 from ops.runs r where r.id = v_old.id for no key update;
    perform ops.mark_canceled(
      v_old.id, 'system', 'superseded', format('superseded by run %s', p_run_id)
    );
  end loop;
end;
$$;
comment on function ops.supersede_runs(uuid, text) is 'Cancels older runs with the key of a new one.';
