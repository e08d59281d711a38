-- Whether a text is a full ISO 8601 time with its zone (a time without one means different moments to
-- different sessions).
create or replace function ops.is_timestamp(p_text text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if p_text !~ '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)$' then
    return false;
  end if;
  perform p_text::timestamptz;
  return true;
exception
  when datetime_field_overflow or invalid_datetime_format then
    return false;
end;
$$;
comment on function ops.is_timestamp(text) is 'True for a time like 2026-02-14T09:00:00Z.';
