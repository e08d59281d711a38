-- claimed -> running.
create or replace function ops.start_workflow_run(
  p_run_id uuid,
  p_worker_id text,
  p_claim_token uuid default null
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
begin
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'start');
  end if;
  update ops.runs r
  set status = 'running', started_at = coalesce(r.started_at, v_now), updated_at = v_now
  from ops.run_attempts a
  where r.id = p_run_id and r.status = 'claimed' and r.claimed_by = p_worker_id
    and a.run_id = p_run_id and a.attempt = r.attempt
    and (a.token = p_claim_token or p_claim_token is null)
  returning r.run_number, r.attempt, r.project_id into v_run;
  if not found then
    return ops.started_before(p_run_id, p_worker_id, p_claim_token);
  end if;
  insert into ops.run_events (run_id, project_id, attempt, "from", "to", actor, created_at)
  values (
    p_run_id, v_run.project_id, v_run.attempt, 'claimed', 'running', 'worker:' || p_worker_id, v_now
  );
  return row(p_run_id, v_run.run_number, 'running', v_run.attempt, null, v_now)::ops.run_state;
end;
$$;
comment on function ops.start_workflow_run(uuid, text, uuid) is
  'The worker starts its claimed run. Repeated with the token it answers the same.';
