-- The smallest version 7 UUID of a moment: bounds of partitions and of searches by age.
create or replace function ops.uuid_v7_floor(p_at timestamptz)
returns uuid
language sql
immutable
security definer
set search_path = ''
as $$
  select encode(
    substring(int8send((extract(epoch from p_at) * 1000)::bigint) from 3)
      || decode('70008000000000000000', 'hex'),
    'hex'
  )::uuid;
$$;
comment on function ops.uuid_v7_floor(timestamptz) is 'Smallest version 7 UUID made at this moment.';
