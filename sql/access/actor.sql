-- Who acts, for triggered_by and the audit trail.
create or replace function ops.actor()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce('user:' || ops.caller_user_id()::text, 'role:' || ops.caller()::text);
$$;
comment on function ops.actor() is 'user:<id> for a Supabase user, else role:<name>.';
