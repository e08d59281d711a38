-- The answer to a completion that found no claim of its own: the recorded outcome, when this attempt
-- was completed with the same arguments; else why not.
create or replace function ops.completed_before(
  p_run_id uuid,
  p_claim_token uuid,
  p_completion_hash text
)
returns ops.run_state
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_attempt record;
begin
  select r.run_number, a.attempt, a.left_status, a.failure_reason, a.finished_at, a.completion_hash
  into v_attempt
  from ops.run_attempts a
  join ops.runs r on r.id = a.run_id
  where a.run_id = p_run_id and a.token = p_claim_token and a.completion_hash is not null;
  if not found then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'complete');
  end if;
  if v_attempt.completion_hash <> p_completion_hash then
    raise exception using
      errcode = 'OP002',
      message = format('run %s: attempt %s was completed otherwise', p_run_id, v_attempt.attempt),
      detail = format(
        'it left the run %s, reason %s', v_attempt.left_status,
        coalesce(v_attempt.failure_reason::text, 'none')
      );
  end if;
  return row(
    p_run_id, v_attempt.run_number, v_attempt.left_status::text, v_attempt.attempt,
    v_attempt.failure_reason::text, v_attempt.finished_at
  )::ops.run_state;
end;
$$;
comment on function ops.completed_before(uuid, uuid, text) is
  'Recorded outcome of a repeated completion; raises OP001, OP002, OP003 or OP007 otherwise.';
