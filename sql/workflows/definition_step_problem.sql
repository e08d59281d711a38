-- The first problem of a step: its keys one by one, then what must hold between them. Null when
-- there is none.
create or replace function ops.definition_step_problem(p_path text, p_step jsonb)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_key text;
  v_problem text;
begin
  v_problem := ops.definition_object_problem(
    p_path,
    p_step,
    array[
      'name', 'image', 'uses', 'command', 'shell', 'with', 'env', 'secrets', 'services',
      'artifacts', 'limits', 'network', 'timeout_secs', 'when', 'retry'
    ],
    array['name']
  );
  if v_problem is not null then
    return v_problem;
  end if;

  if p_step ? 'image' and p_step ? 'uses' then
    return p_path || '.uses: a step has image or uses, not both';
  elsif not p_step ?| array['image', 'uses'] then
    return p_path || ': a step needs image or uses';
  elsif p_step ? 'image' and p_step ? 'command' and p_step ? 'shell' then
    return p_path || '.shell: a step has command or shell, not both';
  elsif p_step ? 'image' and p_step ? 'with' then
    return p_path || '.with: goes with uses only';
  end if;
  foreach v_key in array array['command', 'shell', 'services', 'artifacts', 'network'] loop
    if p_step ? 'uses' and p_step ? v_key then
      return p_path || '.' || v_key || ': does not go with uses';
    end if;
  end loop;
  if jsonb_array_length(p_step -> 'services') > 0 and p_step ->> 'network' <> 'run' then
    return p_path || '.network: must be run where the step has services';
  end if;
  return null;
end;
$$;

comment on function ops.definition_step_problem(text, jsonb) is
  'The first problem of a step in a workflow definition; null when it is good.';
