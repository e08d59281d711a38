-- No run of the project is claimed until resume_project. What runs goes on.
create or replace function ops.pause_project(p_project text, p_reason text default 'paused')
returns ops.project_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id uuid := ops.find_project(p_project);
begin
  perform ops.require_member(v_id, 'admin', 'pause it');
  if coalesce(p_reason, '') = '' then
    raise exception using errcode = 'OP004', message = 'p_reason: must not be empty';
  end if;
  perform 1 from ops.projects p where p.id = v_id for update;
  update ops.projects p set paused_reason = p_reason, updated_at = ops.clock() where p.id = v_id;
  perform ops.apply_project_pause(v_id);
  return ops.project_row(v_id);
end;
$$;
comment on function ops.pause_project(text, text) is 'Pauses a project; queued runs wait.';
