-- How long a run waits before its next try: 10 s, doubled with each failure before, 10 min at most,
-- 20 % more or less, so that runs which failed together do not return together.
create or replace function ops.retry_delay(p_failures_before int)
returns interval
language sql
volatile
security definer
set search_path = ''
as $$
  select least(10 * 2 ^ least(p_failures_before, 10), 600) * (0.8 + 0.4 * random())
    * interval '1 second';
$$;
comment on function ops.retry_delay(int) is 'min(10 s * 2^n, 10 min) +- 20 %.';
