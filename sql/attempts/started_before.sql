-- The answer to a start that changed nothing: the run as it is, when this claim started it already;
-- else the reason of the refusal.
create or replace function ops.started_before(
  p_run_id uuid,
  p_worker_id text,
  p_claim_token uuid
)
returns ops.run_state
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_run record;
begin
  select r.run_number, r.status, r.attempt, r.claimed_by, r.updated_at, a.token into v_run
  from ops.runs r
  join ops.run_attempts a on a.run_id = r.id and a.attempt = r.attempt
  where r.id = p_run_id;
  if found and v_run.status = 'running' and v_run.claimed_by = p_worker_id
    and v_run.token = p_claim_token
  then
    return row(p_run_id, v_run.run_number, 'running', v_run.attempt, null, v_run.updated_at)::ops.run_state;
  end if;
  if found and v_run.status in ('claimed', 'running')
    and v_run.claimed_by is distinct from p_worker_id
  then
    raise exception using
      errcode = 'OP003',
      message = format('run %s: the claim is not %s''s', p_run_id, coalesce(p_worker_id, 'null')),
      detail = format('status %s, attempt %s', v_run.status, v_run.attempt);
  end if;
  perform ops.refuse_claim(p_run_id, p_claim_token, 'start');
end;
$$;
comment on function ops.started_before(uuid, text, uuid) is
  'State of a run that this very claim has started already; else raises why it cannot start.';
