-- A lease lasts from one second to an hour.
create or replace function ops.require_lease_secs(p_lease_secs int)
returns void
language plpgsql
immutable
security definer
set search_path = ''
as $$
begin
  if p_lease_secs is null or p_lease_secs not between 1 and 3600 then
    raise exception using
      errcode = 'OP004',
      message = format('p_lease_secs: 1 to 3600, not %s', coalesce(p_lease_secs::text, 'null'));
  end if;
end;
$$;
comment on function ops.require_lease_secs(int) is 'OP004 unless 1 to 3600.';
