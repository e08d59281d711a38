-- Renews the lease of one run. Also what older callers send, with nothing but the run's id.
create or replace function ops.heartbeat_run(
  p_run_id uuid,
  p_worker_id text default null,
  p_claim_token uuid default null,
  p_lease_secs int default 30,
  p_phase text default null
)
returns ops.renewed_lease
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_renewed record;
begin
  perform ops.require_lease_secs(p_lease_secs);
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'renew its lease');
  end if;
  update ops.runs r
  set lease_expires_at = ops.clock() + make_interval(secs => p_lease_secs)
  from ops.run_attempts a
  where r.id = p_run_id and r.active and (r.claimed_by = p_worker_id or p_worker_id is null)
    and a.run_id = p_run_id and a.attempt = r.attempt
    and (a.token = p_claim_token or p_claim_token is null)
  returning r.attempt, r.cancel_requested_at is not null as cancel_requested, r.lease_expires_at
  into v_renewed;
  if not found then
    -- Only where an older generation's agent runs were adopted (sql/older).
    if to_regprocedure('ops.heartbeat_agent_run(uuid, text)') is not null then
      if ops.is_operator() and ops.heartbeat_agent_run(p_run_id, p_phase) then
        return row(false, null)::ops.renewed_lease;
      end if;
    end if;
    if exists (
      select from ops.runs r
      where r.id = p_run_id and r.active and r.claimed_by <> p_worker_id
    ) then
      raise exception using
        errcode = 'OP003',
        message = format('run %s: the claim is not %s''s', p_run_id, p_worker_id);
    end if;
    perform ops.refuse_claim(p_run_id, p_claim_token, 'renew its lease');
  end if;
  if p_phase is not null then
    update ops.run_attempts a set phase = left(p_phase, 200)
    where a.run_id = p_run_id and a.attempt = v_renewed.attempt;
  end if;
  return row(v_renewed.cancel_requested, v_renewed.lease_expires_at)::ops.renewed_lease;
end;
$$;
comment on function ops.heartbeat_run(uuid, text, uuid, int, text) is
  'Renews the lease and says whether a cancel was requested.';
