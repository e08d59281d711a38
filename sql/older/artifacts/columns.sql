-- Columns that executors of generation A2 name when they insert into ops.run_artifacts. A row of
-- theirs goes to ops.agent_artifacts by the trigger route_agent_artifact. Until contract version 2.
do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = 'ops.run_artifacts'::regclass and a.attname = 'kind' and not a.attisdropped
  ) then
    alter table ops.run_artifacts
      add column kind text,
      add column uri text,
      add column meta jsonb;
  end if;
end $$;
