-- Labels as they are kept: each once, sorted; so that equal sets are equal arrays.
create or replace function ops.sorted_labels(p_argument text, p_labels text[])
returns text[]
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_label text;
begin
  if coalesce(cardinality(p_labels), 0) = 0 then
    return '{}';
  end if;
  if cardinality(p_labels) > 64 then
    raise exception using
      errcode = 'OP004', message = format('%s: at most 64 labels', p_argument);
  end if;
  foreach v_label in array p_labels loop
    if v_label is null or v_label !~ '^[A-Za-z0-9][A-Za-z0-9._=:/+-]{0,99}$' then
      raise exception using
        errcode = 'OP004',
        message = format(
          '%s: a label is 1 to 100 letters, digits and ._=:/+-, the first a letter or digit',
          p_argument
        ),
        detail = format('it was %L', v_label);
    end if;
  end loop;
  return array(select distinct l collate "C" from unnest(p_labels) l order by 1);
end;
$$;
comment on function ops.sorted_labels(text, text[]) is 'Checked, distinct, sorted labels; OP004 names the argument.';
