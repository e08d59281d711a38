-- An agent of generation A3 made something. Until contract version 2; runs of ours have
-- ops.add_run_artifact.
create or replace function ops.add_artifact(
  p_run_id uuid,
  p_kind text,
  p_uri text default null,
  p_meta jsonb default '{}'
)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id text;
begin
  insert into ops.agent_artifacts (run_id, kind, uri, meta)
  values (p_run_id, p_kind, p_uri, coalesce(p_meta, '{}'))
  returning id::text into v_id;
  return case when v_id like '%-%' then v_id::uuid end;
end;
$$;
comment on function ops.add_artifact(uuid, text, text, jsonb) is
  'Adds an artifact to an agent run; its id. Until contract version 2.';
