-- The first problem of an object in a workflow definition: its type, then unknown keys by name,
-- then each known key in the order given, by the rule of the key's own name. Null when there is
-- none.
create or replace function ops.definition_object_problem(
  p_path text,
  p_object jsonb,
  p_keys text[],
  p_required text[]
)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_key text;
  v_path text;
  v_problem text;
begin
  if jsonb_typeof(p_object) <> 'object' then
    return case p_path when '' then 'definition' else p_path end || ': must be an object';
  end if;

  select min(keys.key collate "C") into v_key
  from jsonb_object_keys(p_object) as keys (key)
  where keys.key <> all (p_keys);
  if v_key is not null then
    return ops.definition_key_path(p_path, v_key)
      || ': unknown key; known here are ' || array_to_string(p_keys, ', ');
  end if;

  foreach v_key in array p_keys loop
    v_path := ops.definition_key_path(p_path, v_key);
    if p_object ? v_key then
      v_problem := ops.definition_value_problem(v_key, v_path, p_object -> v_key);
      if v_problem is not null then
        return v_problem;
      end if;
    elsif v_key = any (p_required) then
      return v_path || ': is missing';
    end if;
  end loop;
  return null;
end;
$$;

comment on function ops.definition_object_problem(text, jsonb, text[], text[]) is
  'The first problem of an object in a workflow definition; null when it is good.';
