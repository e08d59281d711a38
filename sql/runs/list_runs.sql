-- A page of runs, the newest first; the next page begins before the last id of this one. Under row level
-- security no plan reads run_overview in the order of an index, so a page of it costs the whole project;
-- this costs the page.
create or replace function ops.list_runs(
  p_project text default null,
  p_status text default null,
  p_workflow text default null,
  p_before uuid default null,
  p_limit int default 50
)
returns setof ops.run_line
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_project_id uuid;
  v_projects uuid[];
  v_status ops.run_status;
  v_before bigint := 9223372036854775807;
begin
  if p_limit is null or p_limit not between 1 and 1000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 1000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  if p_status is not null then
    if not p_status = any (enum_range(null::ops.run_status)::text[]) then
      raise exception using
        errcode = 'OP004', message = format('p_status: %L is no status of a run', p_status);
    end if;
    v_status := p_status::ops.run_status;
  end if;
  if p_project is not null then
    v_project_id := ops.find_project(p_project);
    if p_before is not null then
      select r.run_number into v_before
      from ops.runs r where r.id = p_before and r.project_id = v_project_id;
      if not found then
        raise exception using
          errcode = 'OP001', message = format('run %s not found in project %s', p_before, p_project);
      end if;
    end if;
  elsif not ops.is_operator() then
    v_projects := ops.my_project_ids('viewer');
  end if;
  return query
    select
      q.id, q.run_number, p.slug, w.name, q.status::text, q.attempt, q.git_ref, q.commit_sha,
      q.trigger::text, q.triggered_by, q.failure_reason::text, q.error_message,
      q.created_at, q.started_at, q.finished_at
    from (
      (
        select r.* from ops.runs r
        where r.project_id = v_project_id and r.run_number < v_before
          and (v_status is null or r.status = v_status)
          and (p_workflow is null or r.workflow_id in (
            select f.id from ops.workflows f where f.name = p_workflow
          ))
        order by r.run_number desc
        limit case when v_project_id is not null then p_limit else 0 end
      )
      union all
      (
        select r.* from ops.runs r
        where r.id < coalesce(p_before, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          and (v_projects is null or r.project_id = any (v_projects))
          and (v_status is null or r.status = v_status)
          and (p_workflow is null or r.workflow_id in (
            select f.id from ops.workflows f where f.name = p_workflow
          ))
        order by r.id desc
        limit case when v_project_id is null then p_limit else 0 end
      )
    ) q
    join ops.projects p on p.id = q.project_id
    join ops.workflows w on w.id = q.workflow_id
    order by case when v_project_id is not null then q.run_number else 0 end desc, q.id desc;
end;
$$;
comment on function ops.list_runs(text, text, text, uuid, int) is
  'Runs, newest first, of a project or of all that the caller may see; p_before: the last id of the page before.';
