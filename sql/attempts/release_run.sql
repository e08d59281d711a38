-- Gives a claimed or running run back, without fault: it is queued again at once and no bound is
-- raised. One that was to be canceled is canceled instead.
create or replace function ops.release_run(p_run_id uuid, p_claim_token uuid, p_reason text)
returns ops.run_state
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_run record;
  v_before record;
  v_status ops.run_status;
begin
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'be released');
  end if;
  select r.project_id, r.concurrency_key into v_run
  from ops.runs r
  join ops.run_attempts a on a.run_id = r.id and a.attempt = r.attempt
  where r.id = p_run_id and r.active and (a.token = p_claim_token or p_claim_token is null)
    and (r.limited or r.concurrency_key is not null);
  if found then
    perform ops.lock_limits(v_run.project_id, v_run.concurrency_key);
  end if;
  select r.run_number, r.project_id, r.status, r.attempt, r.concurrency_key, r.limited,
    r.claimed_by, r.cancel_requested_at
  into v_run
  from ops.runs r
  join ops.run_attempts a on a.run_id = r.id and a.attempt = r.attempt
  where r.id = p_run_id and r.active and (a.token = p_claim_token or p_claim_token is null)
  for no key update of r;
  if not found then
    select r.run_number, a.attempt, a.left_status, a.failure_reason, a.finished_at into v_before
    from ops.run_attempts a
    join ops.runs r on r.id = a.run_id
    where a.run_id = p_run_id and a.token = p_claim_token and a.outcome = 'released';
    if not found then
      perform ops.refuse_claim(p_run_id, p_claim_token, 'be released');
    end if;
    return row(
      p_run_id, v_before.run_number, v_before.left_status::text, v_before.attempt,
      v_before.failure_reason::text, v_before.finished_at
    )::ops.run_state;
  end if;
  v_status := case when v_run.cancel_requested_at is null then 'queued' else 'canceled' end;
  perform ops.end_attempt(
    p_run_id, v_status, 'released', null, null, p_reason, 'worker:' || v_run.claimed_by, v_now
  );
  return row(
    p_run_id, v_run.run_number, v_status::text, v_run.attempt,
    case when v_status = 'canceled' then 'canceled' end, v_now
  )::ops.run_state;
end;
$$;
comment on function ops.release_run(uuid, uuid, text) is
  'Puts the run back into the queue (a draining worker); canceled instead when that was asked for.';
