-- Ends the current attempt of a run other than by completion: released, or its lease expired. The
-- caller has locked slots and run and has decided the status; a queued run with a p_not_before waits
-- until then, else it is ready as far as its limits allow.
create or replace function ops.end_attempt(
  p_run_id uuid,
  p_status ops.run_status,
  p_outcome ops.attempt_outcome,
  p_failure_reason ops.failure_reason,
  p_not_before timestamptz,
  p_message text,
  p_actor text,
  p_now timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_run record;
  v_cause ops.wait_cause;
  v_reason ops.failure_reason := case
    when p_status = 'canceled' then 'canceled' else p_failure_reason
  end;
begin
  select r.project_id, r.status, r.attempt, r.concurrency_key, r.limited into v_run
  from ops.runs r where r.id = p_run_id;
  if p_status = 'queued' then
    v_cause := case
      when p_not_before is not null then 'due'
      when v_run.limited then 'project_limit'
      when v_run.concurrency_key is not null then 'key'
    end;
  end if;
  update ops.runs r
  set status = p_status,
    active = false,
    ready = p_status = 'queued' and v_cause is null,
    blocked_by = v_cause,
    not_before = coalesce(p_not_before, r.not_before),
    failed_attempts = r.failed_attempts + (p_outcome = 'lost')::int,
    claimed_by = case when p_status = 'queued' then null else r.claimed_by end,
    lease_expires_at = null,
    finished_at = case when p_status = 'queued' then null else p_now end,
    failure_reason = v_reason,
    error_message = case when p_status = 'queued' and p_outcome = 'released' then r.error_message
      else p_message end,
    updated_at = p_now
  where r.id = p_run_id;
  update ops.run_attempts a
  set finished_at = p_now, outcome = p_outcome, left_status = p_status,
    failure_reason = v_reason, error_message = p_message
  where a.run_id = p_run_id and a.attempt = v_run.attempt;
  insert into ops.run_events (
    run_id, project_id, attempt, "from", "to", actor, reason, detail, created_at
  )
  values (
    p_run_id, v_run.project_id, v_run.attempt, v_run.status, p_status, p_actor, p_outcome::text,
    jsonb_strip_nulls(jsonb_build_object('message', p_message, 'not_before', p_not_before)), p_now
  );
  if p_status <> 'queued' then
    perform ops.settle_dependents(p_run_id, false);
  end if;
  if v_run.limited or v_run.concurrency_key is not null then
    if ops.promote_runs(v_run.project_id, v_run.concurrency_key) > 0 then
      perform pg_notify('ops_run_queued', '');
    end if;
  elsif p_status = 'queued' and v_cause is null then
    perform pg_notify('ops_run_queued', '');
  end if;
end;
$$;
comment on function ops.end_attempt(
  uuid, ops.run_status, ops.attempt_outcome, ops.failure_reason, timestamptz, text, text, timestamptz
) is 'Ends an attempt that was released or lost and says what becomes of the run.';
