-- Records what became of a step of the current attempt; the last word counts.
create or replace function ops.record_step(
  p_run_id uuid,
  p_claim_token uuid,
  p_step text,
  p_status text,
  p_exit_code int,
  p_detail jsonb
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_attempt ops.token_attempt;
  v_finished_at timestamptz;
begin
  if coalesce(p_step, '') = '' or length(p_step) > 200 then
    raise exception using errcode = 'OP004', message = 'p_step: 1 to 200 characters';
  end if;
  if p_status is null
    or p_status not in ('running', 'succeeded', 'failed', 'canceled', 'skipped')
  then
    raise exception using
      errcode = 'OP004',
      message = 'p_status: running, succeeded, failed, canceled or skipped',
      detail = format('it was %L', p_status);
  end if;
  if jsonb_typeof(p_detail) <> 'object' then
    raise exception using errcode = 'OP004', message = 'p_detail: must be a JSON object';
  end if;
  v_attempt := ops.attempt_of_token(p_run_id, p_claim_token, 'record a step');
  if not v_attempt.active then
    raise exception using
      errcode = 'OP002',
      message = format('run %s has ended, step %s cannot be recorded', p_run_id, p_step),
      detail = format('status %s, attempt %s', v_attempt.status, v_attempt.attempt);
  end if;
  v_finished_at := case when p_status <> 'running' then v_now end;
  insert into ops.run_steps as s (
    run_id, attempt, step, project_id, status, exit_code, started_at, finished_at, detail
  )
  values (
    p_run_id, v_attempt.attempt, p_step, v_attempt.project_id, p_status::ops.step_status,
    p_exit_code, v_now, v_finished_at, coalesce(p_detail, '{}')
  )
  on conflict (run_id, attempt, step) do update
  set status = excluded.status, exit_code = excluded.exit_code, detail = excluded.detail,
    finished_at = excluded.finished_at;
end;
$$;
comment on function ops.record_step(uuid, uuid, text, text, int, jsonb) is
  'Records the state of a step in the current attempt.';
