-- Puts right what a race between a change of a project and a claim may have left: runs marked as
-- paused in a project that is not, and runs waiting for a limit that has room.
create or replace function ops.free_stray_runs()
returns void
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
declare
  v_stray record;
  v_ready int := 0;
begin
  for v_stray in
    with recursive paused as (
      (
        select r.project_id from ops.runs r
        where r.blocked_by = 'paused' order by r.project_id limit 1
      )
      union all
      select (
        select r.project_id from ops.runs r
        where r.blocked_by = 'paused' and r.project_id > d.project_id
        order by r.project_id limit 1
      )
      from paused d where d.project_id is not null
    )
    select p.id from paused d
    join ops.projects p on p.id = d.project_id
    where p.paused_reason is null and p.status = 'active'
  loop
    update ops.runs r set ready = true, blocked_by = null
    where r.id in (
      select s.id from ops.runs s
      where s.project_id = v_stray.id and s.blocked_by = 'paused'
      limit 1000
      for no key update skip locked
    );
    v_ready := v_ready + 1;
  end loop;
  for v_stray in
    select p.id from ops.projects p
    where p.max_running is not null and exists (
      select from ops.runs r
      where r.project_id = p.id and r.limited and (r.ready or r.blocked_by = 'project_limit')
        and not r.ready
    )
  loop
    continue when not ops.try_lock_limits(v_stray.id, null, true);
    v_ready := v_ready + ops.promote_runs(v_stray.id, null);
  end loop;
  if v_ready > 0 then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.free_stray_runs() is 'Readies runs that wait for a cause which is gone.';
