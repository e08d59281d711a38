-- The problem of a number in a workflow definition that must lie between two others, or null.
-- `60.0` is whole.
create or replace function ops.definition_number_problem(
  p_kind text,
  p_path text,
  p_value jsonb,
  p_least numeric,
  p_most numeric
)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_number numeric;
begin
  if jsonb_typeof(p_value) = 'number' then
    v_number := (p_value #>> '{}')::numeric;
    if v_number between p_least and p_most
      and (p_kind <> 'whole number' or v_number = trunc(v_number))
    then
      return null;
    end if;
  end if;
  return p_path || ': must be a ' || p_kind || ' from ' || p_least || ' to ' || p_most;
end;
$$;

comment on function ops.definition_number_problem(text, text, jsonb, numeric, numeric) is
  'The problem of a number in a workflow definition; null when it is good.';
