-- The Supabase user on whose behalf PostgREST calls; null where there is none.
create or replace function ops.caller_user_id()
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims text := nullif(current_setting('request.jwt.claims', true), '');
  v_sub text;
begin
  if v_claims is null then
    return null;
  end if;
  v_sub := v_claims::jsonb ->> 'sub';
  if v_sub ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return v_sub::uuid;
  end if;
  return null;
end;
$$;
comment on function ops.caller_user_id() is 'The sub of request.jwt.claims, where it is a UUID.';
