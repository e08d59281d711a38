-- The path to a key: `steps[0].env.LANG`; a key that is no plain word is quoted: `env["a b"]`.
create or replace function ops.definition_key_path(p_path text, p_key text)
returns text
language sql
immutable
security definer
set search_path = ''
as $$
  select case
    when p_key !~ '^[A-Za-z_][A-Za-z0-9_-]*$' then p_path || '[' || to_jsonb(p_key)::text || ']'
    when p_path = '' then p_key
    else p_path || '.' || p_key
  end;
$$;

comment on function ops.definition_key_path(text, text) is
  'The path to a key of a workflow definition.';
