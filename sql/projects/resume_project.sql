-- Ends a pause.
create or replace function ops.resume_project(p_project text)
returns ops.project_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id uuid := ops.find_project(p_project);
begin
  perform ops.require_member(v_id, 'admin', 'resume it');
  perform 1 from ops.projects p where p.id = v_id for update;
  update ops.projects p set paused_reason = null, updated_at = ops.clock() where p.id = v_id;
  perform ops.apply_project_pause(v_id);
  return ops.project_row(v_id);
end;
$$;
comment on function ops.resume_project(text) is 'Ends a pause; waiting runs can start again.';
