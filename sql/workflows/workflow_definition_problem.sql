-- The first problem of a workflow definition as `path: problem`, or null when it is good. Reads in
-- the same order as the worker's own reader (worker/src/workflow/parse.rs) and says the same words:
-- one corpus (tests/fixtures/definitions) and random mutations of it are judged by both.
create or replace function ops.workflow_definition_problem(p_definition jsonb)
returns text
language sql
immutable
security definer
set search_path = ''
as $$
  select ops.definition_value_problem('workflow', '', coalesce(p_definition, 'null'));
$$;

comment on function ops.workflow_definition_problem(jsonb) is
  'The first problem of a workflow definition as `path: problem`; null when it is good.';
