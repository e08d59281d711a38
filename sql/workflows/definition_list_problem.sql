-- The first problem of an array in a workflow definition: its type, its length, then each element
-- by a rule; for elements with a name, also a name used twice, and for secrets one listed twice.
-- Null when there is none.
create or replace function ops.definition_list_problem(
  p_path text,
  p_list jsonb,
  p_least int,
  p_most int,
  p_rule text
)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_index int;
  v_first int;
  v_problem text;
begin
  if jsonb_typeof(p_list) <> 'array' then
    return p_path || ': must be an array';
  end if;
  if jsonb_array_length(p_list) not between p_least and p_most then
    return p_path || ': must have ' || p_least || ' to ' || p_most || ' entries';
  end if;

  for v_index in 0 .. jsonb_array_length(p_list) - 1 loop
    v_problem := ops.definition_value_problem(
      case when p_rule = 'argument' and v_index = 0 then 'program' else p_rule end,
      p_path || '[' || v_index || ']',
      p_list -> v_index
    );
    if v_problem is not null then
      return v_problem;
    end if;
    if p_rule not in ('step', 'service', 'secret') then
      continue;
    end if;

    select min(entries.position) - 1 into v_first
    from jsonb_array_elements(p_list) with ordinality as entries (entry, position)
    where case p_rule
      when 'secret' then entries.entry = p_list -> v_index
      else entries.entry -> 'name' = p_list -> v_index -> 'name'
    end;
    if v_first < v_index and p_rule = 'secret' then
      return p_path || '[' || v_index || ']: is listed already';
    elsif v_first < v_index then
      return p_path || '[' || v_index || '].name: is the name of '
        || p_rule || 's[' || v_first || '] already';
    end if;
  end loop;
  return null;
end;
$$;

comment on function ops.definition_list_problem(text, jsonb, int, int, text) is
  'The first problem of an array in a workflow definition; null when it is good.';
