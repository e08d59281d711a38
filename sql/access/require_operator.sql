-- Refuses everyone but operators.
create or replace function ops.require_operator(p_what text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not ops.is_operator() then
    raise exception using
      errcode = 'OP007',
      message = format('%s may not %s', ops.actor(), p_what),
      detail = format('role %s is not in ops_operator', ops.caller());
  end if;
end;
$$;
comment on function ops.require_operator(text) is 'OP007 unless the caller is an operator.';
