-- A version 7 UUID whose order is the order of age to the microsecond: 48 bits of milliseconds, then
-- 12 bits of the fraction (RFC 9562, section 6.2, method 3), then random bits.
create or replace function ops.uuid_v7()
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_micros bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
  return encode(
    substring(int8send(v_micros / 1000) from 3)
      || int2send((28672 + (v_micros % 1000) * 4096 / 1000)::int2)
      || substring(uuid_send(gen_random_uuid()) from 9),
    'hex'
  )::uuid;
end;
$$;
comment on function ops.uuid_v7() is 'A new time-ordered UUID (version 7).';
