-- Makes a new run wait for others of its project. They are locked, so that none finishes unseen.
create or replace function ops.add_dependencies(
  p_run_id uuid,
  p_project_id uuid,
  p_depends_on uuid[]
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_other record;
  v_found int := 0;
begin
  for v_other in
    select r.id, r.status from ops.runs r
    where r.id = any (p_depends_on) and r.project_id = p_project_id and r.id <> p_run_id
    order by r.id
    for no key update
  loop
    v_found := v_found + 1;
    if v_other.status in ('failed', 'canceled') then
      raise exception using
        errcode = 'OP002',
        message = format('p_options.depends_on: run %s will not succeed any more', v_other.id),
        detail = format('status %s', v_other.status);
    end if;
  end loop;
  if v_found < cardinality(p_depends_on) then
    raise exception using
      errcode = 'OP001',
      message = 'p_options.depends_on: not every run was found in the project',
      detail = format('%s of %s were', v_found, cardinality(p_depends_on));
  end if;
  insert into ops.run_dependencies (run_id, depends_on, project_id)
  select p_run_id, d, p_project_id from unnest(p_depends_on) d;
  update ops.runs r
  set ready = coalesce(r.not_before <= ops.clock(), true),
    blocked_by = case when r.not_before > ops.clock() then 'due'::ops.wait_cause end
  where r.id = p_run_id and not exists (
    select from ops.runs o where o.id = any (p_depends_on) and o.status <> 'succeeded'
  );
  if found then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.add_dependencies(uuid, uuid, uuid[]) is 'Records depends_on of a new run.';
