-- The one clock of the contract. Tests replace this function and nothing else.
create or replace function ops.clock()
returns timestamptz
language sql
volatile
security definer
set search_path = ''
as $$
  select clock_timestamp();
$$;
comment on function ops.clock() is 'Now, by the database; every time that decides something comes from here.';
