-- The queue as it will be served, as far as that can be said beforehand: by priority, then age, each
-- run with its first reason to wait.
create or replace function ops.list_queued_runs(
  p_project text default null,
  p_limit int default 100
)
returns setof ops.waiting_run
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_project_id uuid;
  v_projects uuid[];
begin
  if p_limit is null or p_limit not between 1 and 10000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 10000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  if p_project is not null then
    v_project_id := ops.find_project(p_project);
  elsif not ops.is_operator() then
    v_projects := ops.my_project_ids('viewer');
  end if;
  return query
    select
      row_number() over (order by q.priority, q.id),
      q.id, q.run_number, p.slug, w.name, q.git_ref, q.priority, q.attempt,
      floor(extract(epoch from ops.clock() - q.created_at))::bigint,
      c.cause, c.detail, q.created_at
    from (
      select r.* from ops.runs r
      where (r.ready or r.blocked_by is not null)
        and (v_project_id is null or r.project_id = v_project_id)
        and (v_projects is null or r.project_id = any (v_projects))
      order by r.priority, r.id
      limit p_limit
    ) q
    join ops.projects p on p.id = q.project_id
    join ops.workflows w on w.id = q.workflow_id
    cross join lateral (
      select e.cause, e.detail from ops.explain_wait(q.id) e limit 1
    ) c
    order by 1;
end;
$$;
comment on function ops.list_queued_runs(text, int) is
  'Queued runs with their position, age and why they wait.';
