-- Ends an attempt with what the worker saw. The run succeeds, fails, is canceled, or goes back into
-- the queue when the reason is one that another try may mend. The same call again, with the token of
-- that attempt, gets the same answer for ever.
create or replace function ops.complete_workflow_run(
  p_run_id uuid,
  p_exit_code int,
  p_error_message text default null,
  p_claim_token uuid default null,
  p_failure_reason text default null,
  p_result jsonb default null
)
returns ops.run_state
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_run record;
  v_reason ops.failure_reason;
  v_status ops.run_status;
  v_not_before timestamptz;
  v_hash text;
begin
  v_reason := ops.completion_reason(p_exit_code, p_failure_reason);
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'complete');
  end if;
  v_hash := md5(row(p_exit_code, p_error_message, p_failure_reason, p_result)::text);
  select r.project_id, r.concurrency_key, r.limited into v_run
  from ops.runs r
  join ops.run_attempts a on a.run_id = r.id and a.attempt = r.attempt
  where r.id = p_run_id and r.active and (a.token = p_claim_token or p_claim_token is null);
  if not found then
    return ops.completed_before(p_run_id, p_claim_token, v_hash);
  end if;
  if v_run.limited or v_run.concurrency_key is not null then
    perform ops.lock_limits(v_run.project_id, v_run.concurrency_key);
  end if;
  select r.id, r.run_number, r.project_id, r.status, r.attempt, r.concurrency_key, r.limited,
    r.claimed_by, r.cancel_requested_at, r.infra_attempts, r.workflow_id, r.workflow_version
  into v_run
  from ops.runs r
  join ops.run_attempts a on a.run_id = r.id and a.attempt = r.attempt
  where r.id = p_run_id and r.active and (a.token = p_claim_token or p_claim_token is null)
  for no key update of r;
  if not found then
    return ops.completed_before(p_run_id, p_claim_token, v_hash);
  end if;

  v_status := case
    when v_reason is null then 'succeeded'
    when v_reason = 'canceled' then 'canceled'
    when v_reason = 'infra' and v_run.cancel_requested_at is not null then 'canceled'
    when v_reason = 'infra' and v_run.infra_attempts + 1 < 5 then 'queued'
    when v_reason = 'user' and v_run.cancel_requested_at is null
      and ops.may_retry_user_failure(p_run_id, v_run.workflow_id, v_run.workflow_version)
      then 'queued'
    else 'failed'
  end::ops.run_status;
  if v_run.status = 'claimed' and coalesce(v_reason, 'user') in ('user', 'timeout')
    or v_reason = 'canceled' and v_run.cancel_requested_at is null
  then
    raise exception using
      errcode = 'OP002',
      message = format('run %s cannot go from %s to %s', p_run_id, v_run.status, v_status),
      detail = format(
        'status %s, attempt %s, cancel %s; exit code %s, reason %s',
        v_run.status, v_run.attempt,
        case when v_run.cancel_requested_at is null then 'not requested' else 'requested' end,
        coalesce(p_exit_code::text, 'null'), coalesce(v_reason::text, 'none')
      );
  end if;
  if v_status = 'queued' then
    v_not_before := v_now + ops.retry_delay(
      case when v_reason = 'infra' then v_run.infra_attempts
        else (
          select count(*)::int from ops.run_attempts a
          where a.run_id = p_run_id and a.outcome = 'failed' and a.failure_reason = 'user'
        )
      end
    );
  end if;
  v_run.infra_attempts := v_run.infra_attempts + (v_reason is not distinct from 'infra')::int;
  if v_status = 'canceled' then
    v_reason := 'canceled';
  end if;

  update ops.runs r
  set status = v_status,
    active = false,
    blocked_by = case when v_status = 'queued' then 'due'::ops.wait_cause end,
    not_before = coalesce(v_not_before, r.not_before),
    infra_attempts = v_run.infra_attempts,
    claimed_by = case when v_status = 'queued' then null else r.claimed_by end,
    lease_expires_at = null,
    finished_at = case when v_status = 'queued' then null else v_now end,
    exit_code = p_exit_code,
    failure_reason = v_reason,
    error_message = p_error_message,
    result = coalesce(p_result, r.result),
    updated_at = v_now
  where r.id = p_run_id;
  update ops.run_attempts a
  set finished_at = v_now,
    outcome = case
      when v_reason is null then 'succeeded' when v_status = 'canceled' then 'canceled'
      else 'failed'
    end::ops.attempt_outcome,
    left_status = v_status,
    exit_code = p_exit_code,
    failure_reason = v_reason,
    error_message = p_error_message,
    completion_hash = v_hash
  where a.run_id = p_run_id and a.attempt = v_run.attempt;
  insert into ops.run_events (
    run_id, project_id, attempt, "from", "to", actor, reason, detail, created_at
  )
  values (
    p_run_id, v_run.project_id, v_run.attempt, v_run.status, v_status,
    'worker:' || v_run.claimed_by, v_reason::text,
    case when v_reason is null then '{}'::jsonb
      else jsonb_build_object('exit_code', p_exit_code, 'error_message', p_error_message)
    end,
    v_now
  );
  if v_status <> 'queued'
    and exists (select from ops.run_dependencies d where d.depends_on = p_run_id)
  then
    perform ops.settle_dependents(p_run_id, v_status = 'succeeded');
  end if;
  if v_run.limited or v_run.concurrency_key is not null then
    if ops.promote_runs(v_run.project_id, v_run.concurrency_key) > 0 then
      perform pg_notify('ops_run_queued', '');
    end if;
  end if;
  return row(
    p_run_id, v_run.run_number, v_status::text, v_run.attempt, v_reason::text, v_now
  )::ops.run_state;
end;
$$;
comment on function ops.complete_workflow_run(uuid, int, text, uuid, text, jsonb) is
  'Ends the attempt: exit 0 succeeds; else p_failure_reason (user when null) decides.';
