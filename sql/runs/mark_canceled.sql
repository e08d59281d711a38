-- Cancels a run whose row the caller has locked: a queued one at once, and what depends on it; of a
-- claimed or running one the worker is asked to stop. Without effect where that was done before.
create or replace function ops.mark_canceled(
  p_run_id uuid,
  p_actor text,
  p_cause text,
  p_message text
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_run record;
begin
  update ops.runs r
  set cancel_requested_at = v_now,
    cancel_reason = p_message,
    status = case when r.active then r.status else 'canceled' end,
    ready = false,
    blocked_by = null,
    failure_reason = case when r.active then r.failure_reason else 'canceled' end,
    finished_at = case when r.active then null else v_now end,
    updated_at = v_now
  where r.id = p_run_id and (r.active and r.cancel_requested_at is null or r.status = 'queued')
  returning r.project_id, r.attempt, r.active, r.status into v_run;
  if not found then
    return;
  end if;
  insert into ops.run_events (
    run_id, project_id, attempt, "from", "to", actor, reason, detail, created_at
  )
  values (
    p_run_id, v_run.project_id, v_run.attempt,
    case when v_run.active then v_run.status else 'queued' end, v_run.status, p_actor,
    case when v_run.active and p_cause = 'canceled' then 'cancel requested' else p_cause end,
    jsonb_strip_nulls(jsonb_build_object('message', p_message)), v_now
  );
  if v_run.active then
    perform pg_notify('ops_run_control', p_run_id::text);
  else
    perform ops.settle_dependents(p_run_id, false);
  end if;
end;
$$;
comment on function ops.mark_canceled(uuid, text, text, text) is
  'Cancels a locked queued run with its dependents, or asks the worker of an active one.';
