-- The first problem of a value in a workflow definition by the rule that is meant for its place
-- (mostly the key's name: a key means the same wherever it may stand), or null.
-- docs/workflow-format.md tells the rules.
create or replace function ops.definition_value_problem(p_rule text, p_path text, p_value jsonb)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_choices text[];
begin
  case p_rule
    when 'workflow' then
      return ops.definition_object_problem(
        p_path,
        p_value,
        array['steps', 'env', 'timeout_secs', 'concurrency_key', 'retry', 'supersede'],
        array['steps']
      );
    when 'step' then
      return ops.definition_step_problem(p_path, p_value);
    when 'service' then
      return ops.definition_object_problem(
        p_path,
        p_value,
        array['name', 'image', 'command', 'env', 'secrets', 'limits'],
        array['name', 'image']
      );
    when 'with' then
      return ops.definition_object_problem(
        p_path,
        p_value,
        array['repo_url', 'modules', 'test_tags', 'image', 'database', 'demo'],
        array[]::text[]
      );
    when 'limits' then
      return ops.definition_object_problem(
        p_path, p_value, array['cpus', 'memory_mb', 'pids'], array[]::text[]
      );
    when 'retry' then
      return ops.definition_object_problem(p_path, p_value, array['user'], array['user']);
    when 'env' then
      return ops.definition_env_problem(p_path, p_value);

    when 'steps' then
      return ops.definition_list_problem(p_path, p_value, 1, 100, 'step');
    when 'services' then
      return ops.definition_list_problem(p_path, p_value, 0, 20, 'service');
    when 'secrets' then
      return ops.definition_list_problem(p_path, p_value, 0, 100, 'secret');
    when 'artifacts' then
      return ops.definition_list_problem(p_path, p_value, 0, 100, 'glob');
    when 'command' then
      return ops.definition_list_problem(p_path, p_value, 1, 1000, 'argument');
    when 'modules' then
      if p_value = '"all"' then
        return null;
      elsif jsonb_typeof(p_value) <> 'array'
        or jsonb_array_length(p_value) not between 1 and 1000
      then
        return p_path || ': must be all or an array of 1 to 1000 addons';
      end if;
      return ops.definition_list_problem(p_path, p_value, 1, 1000, 'module');

    when 'name', 'image', 'secret', 'concurrency_key', 'glob', 'network', 'module' then
      return ops.definition_text_problem(p_rule, p_path, p_value);
    when 'program', 'shell', 'repo_url', 'test_tags', 'database' then
      return ops.definition_text_problem('filled text', p_path, p_value);
    when 'argument' then
      return ops.definition_text_problem('text', p_path, p_value);

    when 'timeout_secs' then
      return ops.definition_number_problem('whole number', p_path, p_value, 1, 604800);
    when 'user' then
      return ops.definition_number_problem('whole number', p_path, p_value, 0, 10);
    when 'memory_mb' then
      return ops.definition_number_problem('whole number', p_path, p_value, 6, 4194304);
    when 'pids' then
      return ops.definition_number_problem('whole number', p_path, p_value, 1, 1000000);
    when 'cpus' then
      return ops.definition_number_problem('number', p_path, p_value, 0.01, 256);
    when 'demo' then
      return case
        when jsonb_typeof(p_value) <> 'boolean' then p_path || ': must be true or false'
      end;

    when 'uses' then
      v_choices := array['odoo/build', 'odoo/test', 'odoo/backup'];
    when 'when' then
      v_choices := array['success', 'failure', 'always'];
    when 'supersede' then
      v_choices := array['off', 'queued', 'all'];
  end case;

  if jsonb_typeof(p_value) = 'string' and p_value #>> '{}' = any (v_choices) then
    return null;
  end if;
  return p_path || ': must be one of ' || array_to_string(v_choices, ', ');
end;
$$;

comment on function ops.definition_value_problem(text, text, jsonb) is
  'The first problem of a value in a workflow definition; null when it is good.';
