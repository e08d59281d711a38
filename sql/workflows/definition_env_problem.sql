-- The first problem of an `env` in a workflow definition, by name, or null.
create or replace function ops.definition_env_problem(p_path text, p_env jsonb)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_name text;
  v_path text;
  v_problem text;
begin
  if jsonb_typeof(p_env) <> 'object' then
    return p_path || ': must be an object';
  elsif (select count(*) from jsonb_object_keys(p_env)) > 200 then
    return p_path || ': must have at most 200 entries';
  end if;

  for v_name in
    select keys.name from jsonb_object_keys(p_env) as keys (name) order by keys.name collate "C"
  loop
    v_path := ops.definition_key_path(p_path, v_name);
    if v_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$' then
      return v_path
        || ': the name must be 1 to 128 of letters, digits and _, not beginning with a digit';
    elsif starts_with(v_name, 'ODOOOPS_') then
      return v_path || ': names that begin with ODOOOPS_ are set by the worker';
    end if;
    v_problem := ops.definition_text_problem('text', v_path, p_env -> v_name);
    if v_problem is not null then
      return v_problem;
    end if;
  end loop;
  return null;
end;
$$;

comment on function ops.definition_env_problem(text, jsonb) is
  'The first problem of an env in a workflow definition; null when it is good.';
