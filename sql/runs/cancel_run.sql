-- Cancels a queued run at once, and what depends on it; asks the worker of a claimed or running one to
-- stop. Repeated, it changes nothing.
create or replace function ops.cancel_run(p_run_id uuid, p_reason text default null)
returns ops.run_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_run record;
begin
  -- Only where an older generation's agent runs were adopted (sql/older); none has a row of ours.
  if to_regprocedure('ops.cancel_agent_run(uuid)') is not null then
    if ops.is_operator() and ops.cancel_agent_run(p_run_id) then
      return null;
    end if;
  end if;
  perform ops.require_run_member(p_run_id, 'developer', 'cancel runs');
  select r.project_id, r.concurrency_key into v_run
  from ops.runs r
  where r.id = p_run_id and r.status in ('queued', 'claimed', 'running')
    and (r.limited or r.concurrency_key is not null);
  if found then
    perform ops.lock_limits(v_run.project_id, v_run.concurrency_key);
  end if;
  select r.project_id, r.status, r.attempt, r.concurrency_key, r.limited, r.cancel_requested_at
  into v_run
  from ops.runs r where r.id = p_run_id for no key update;
  if v_run.status in ('succeeded', 'failed') then
    raise exception using
      errcode = 'OP002',
      message = format('run %s has finished, it cannot be canceled', p_run_id),
      detail = format('status %s', v_run.status);
  end if;
  if v_run.status = 'canceled' or v_run.cancel_requested_at is not null then
    return ops.run_row(p_run_id);
  end if;
  perform ops.mark_canceled(p_run_id, ops.actor(), 'canceled', p_reason);
  if v_run.status = 'queued' and (v_run.limited or v_run.concurrency_key is not null) then
    if ops.promote_runs(v_run.project_id, v_run.concurrency_key) > 0 then
      perform pg_notify('ops_run_queued', '');
    end if;
  end if;
  return ops.run_row(p_run_id);
end;
$$;
comment on function ops.cancel_run(uuid, text) is
  'Queued: canceled at once. Claimed or running: the worker is asked to stop.';
