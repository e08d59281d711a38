-- Refuses who may not act on a run. A run that the caller cannot even see is not found.
create or replace function ops.require_run_member(p_run_id uuid, p_min_role text, p_what text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_project_id uuid;
begin
  select r.project_id into v_project_id from ops.runs r where r.id = p_run_id;
  if not found or not ops.is_member(v_project_id, 'viewer') then
    raise exception using
      errcode = 'OP001', message = format('run %s not found', coalesce(p_run_id::text, 'null'));
  end if;
  perform ops.require_member(v_project_id, p_min_role, p_what);
end;
$$;
comment on function ops.require_run_member(uuid, text, text) is
  'OP001 when the caller cannot see the run, OP007 when its role in the project is too low.';
