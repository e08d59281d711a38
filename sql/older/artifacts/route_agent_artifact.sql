-- An artifact of an agent run that was inserted into ops.run_artifacts goes to ops.agent_artifacts.
-- As its caller: who may not insert there may not insert here. Until contract version 2.
create or replace function ops.route_agent_artifact()
returns trigger
language plpgsql
volatile
set search_path = ''
as $$
begin
  if new.run_id is null or new.kind is null then
    raise exception using
      errcode = 'OP004',
      message = 'ops.run_artifacts: an agent''s artifact needs run_id and kind',
      detail = 'artifacts of runs in ops.runs are written by ops.add_run_artifact only';
  end if;
  insert into ops.agent_artifacts (run_id, kind, uri, sha256, size_bytes, meta)
  values (
    new.run_id, new.kind, new.uri, new.sha256, new.size_bytes, coalesce(new.meta, '{}')
  );
  return null;
end;
$$;
comment on function ops.route_agent_artifact() is
  'Writes an executor''s artifact to ops.agent_artifacts instead. Until contract version 2.';
