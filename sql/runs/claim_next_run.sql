-- Claims the next run, if there is one; also from psql: select * from ops.claim_next_run('worker-001').
create or replace function ops.claim_next_run(p_worker_id text, p_lease_secs int default 30)
returns setof ops.claimed_run
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  return query select * from ops.claim_runs(p_worker_id, 1, p_lease_secs);
end;
$$;
comment on function ops.claim_next_run(text, int) is
  'The next run for this worker with its claim token, or no row.';
