-- The role that called: inside a definer function current_user is the owner, and session_user knows
-- nothing of SET ROLE or PostgREST.
create or replace function ops.caller()
returns name
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(nullif(current_setting('role'), 'none')::name, session_user);
$$;
comment on function ops.caller() is 'The role in whose name the statement runs.';
