-- The problem of a string in a workflow definition that must keep a named rule, or null. The rules
-- stand here once; worker/src/workflow/validate.rs has the same.
create or replace function ops.definition_text_problem(p_rule text, p_path text, p_value jsonb)
returns text
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_text text := p_value #>> '{}';
  v_kept boolean;
  v_says text;
begin
  if jsonb_typeof(p_value) <> 'string' then
    return p_path || ': must be a string';
  end if;

  case p_rule
    when 'name' then
      v_kept := v_text ~ '^[a-z0-9][a-z0-9_-]{0,62}$';
      v_says := 'must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit';
    when 'image' then
      v_kept := v_text ~ '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$' and char_length(v_text) <= 500;
      v_says := 'must be a tool name or an image reference: 1 to 500 of letters, digits and ._/:@-';
    when 'secret' then
      v_kept := v_text ~ '^[A-Z][A-Z0-9_]{0,127}$';
      v_says := 'must be a secret''s name: 1 to 128 of A-Z, 0-9 and _, beginning with a letter';
    when 'concurrency_key' then
      v_kept := v_text ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$';
      v_says := 'must be 1 to 200 of letters, digits and ._:/-, beginning with a letter or digit';
    when 'glob' then
      v_kept := v_text <> ''
        and char_length(v_text) <= 500
        and v_text !~ '[][{}\\]'
        and not exists (
          select from unnest(string_to_array(v_text, '/')) as segments (segment)
          where segment in ('', '.', '..') or segment <> '**' and strpos(segment, '**') > 0
        );
      v_says := 'must be a path relative to /workspace without . and .. segments; '
        '* and ? match within a segment, ** as a whole segment any number of them, '
        '[]{}\ are not allowed';
    when 'network' then
      v_kept := v_text ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'
        and v_text not in ('host', 'bridge', 'default')
        and not starts_with(v_text, 'odooops-');
      v_says := 'must be none, run or the name of a network on the worker''s engine '
        '(not host, bridge or default, and not one that odooops made)';
    when 'module' then
      v_kept := v_text ~ '^[A-Za-z0-9_]{1,128}$';
      v_says := 'must be an addon''s technical name: 1 to 128 of letters, digits and _';
    when 'text' then
      v_kept := char_length(v_text) <= 32768;
      v_says := 'must be at most 32768 characters';
    when 'filled text' then
      v_kept := char_length(v_text) between 1 and 32768;
      v_says := 'must be 1 to 32768 characters';
  end case;
  if not v_kept then
    return p_path || ': ' || v_says;
  elsif p_rule = 'secret' and starts_with(v_text, 'ODOOOPS_') then
    return p_path || ': names that begin with ODOOOPS_ are set by the worker';
  end if;
  return null;
end;
$$;

comment on function ops.definition_text_problem(text, text, jsonb) is
  'The problem of a string in a workflow definition; null when it is good.';
