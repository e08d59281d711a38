-- Who acts, for triggered_by and the audit trail.
create or replace function ops.actor()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if nullif(current_setting('request.jwt.claims', true), '') is not null then
    return coalesce('user:' || ops.caller_user_id()::text, 'role:' || ops.caller()::text);
  end if;
  return 'role:' || coalesce(nullif(current_setting('role'), 'none')::name, session_user);
end;
$$;
comment on function ops.actor() is 'user:<id> for a Supabase user, else role:<name>.';
