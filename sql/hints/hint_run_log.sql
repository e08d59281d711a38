-- New lines of a log are a hint to who watches the run, at most one a second and run: the last one's time is kept
-- in the attempt, whose row the caller has locked. A second attempt counts from its claim, since an earlier one
-- may have hinted until then. A hint decides nothing, so this is the server's clock and not ops.clock().
create or replace function ops.hint_run_log(p_run_id uuid, p_attempt int, p_next_seq bigint)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update ops.run_attempts a
  set hinted_at = clock_timestamp()
  where a.run_id = p_run_id and a.attempt = p_attempt
    and clock_timestamp() >= coalesce(
      a.hinted_at, case when a.attempt > 1 then a.started_at end, '-infinity'
    ) + interval '1 second';
  if found then
    perform ops.send_run_hint(
      p_run_id, 'log', jsonb_build_object('attempt', p_attempt, 'next_seq', p_next_seq)
    );
  end if;
end;
$$;
comment on function ops.hint_run_log(uuid, int, bigint) is
  'Sends a hint on new log lines, unless the last one is younger than a second.';
