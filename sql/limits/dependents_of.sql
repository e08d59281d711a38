-- The runs that wait for any of these: directly, or with p_whole those that wait for them, too.
create or replace function ops.dependents_of(p_run_ids uuid[], p_whole boolean)
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
set jit = off
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return array(
    with recursive waiting as (
      select r.id
      from ops.run_dependencies d
      join ops.runs r on r.id = d.run_id
      where d.depends_on = any (p_run_ids) and r.blocked_by = 'dependency'
      union
      select r.id
      from waiting w
      join ops.run_dependencies d on d.depends_on = w.id
      join ops.runs r on r.id = d.run_id
      where p_whole and r.blocked_by = 'dependency'
    )
    select w.id from waiting w order by w.id
  );
end;
$$;
comment on function ops.dependents_of(uuid[], boolean) is
  'Runs blocked by a dependency on one of these, by id.';
