-- Takes back the runs whose lease has expired. Any worker calls it, every 15 seconds or so; several
-- at once share the work. It also readies due runs, frees what a race left waiting, and keeps the
-- partitions ahead of time.
create or replace function ops.reap_lost_runs(p_limit int default 100)
returns setof ops.reaped_run
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
declare
  v_now timestamptz := ops.clock();
  v_run record;
  v_status ops.run_status;
  v_bound boolean;
begin
  if p_limit is null or p_limit not between 1 and 10000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 10000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  for v_run in
    select r.id, r.project_id, r.concurrency_key, r.limited
    from ops.runs r
    where r.active and r.lease_expires_at < v_now
    order by r.lease_expires_at
    limit p_limit
  loop
    continue when not ops.try_lock_limits(
      v_run.project_id, v_run.concurrency_key, v_run.limited
    );
    select r.id, r.run_number, r.attempt, r.claimed_by, r.cancel_requested_at, r.failed_attempts,
      r.max_attempts, r.lease_expires_at
    into v_run
    from ops.runs r
    where r.id = v_run.id and r.active and r.lease_expires_at < v_now
    for no key update skip locked;
    continue when not found;
    v_bound := v_run.failed_attempts + 1 >= v_run.max_attempts;
    v_status := case
      when v_run.cancel_requested_at is not null then 'canceled'
      when v_bound then 'failed'
      else 'queued'
    end;
    continue when v_status <> 'queued' and not ops.try_lock_dependents(v_run.id);
    perform ops.end_attempt(
      v_run.id, v_status, 'lost', 'lost',
      case when v_status = 'queued' then v_now + ops.retry_delay(v_run.failed_attempts) end,
      format(
        'worker %s was not heard of since its lease expired at %s%s', v_run.claimed_by,
        to_char(v_run.lease_expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        case when v_status = 'failed'
          then format('; attempt %s of %s lost', v_run.failed_attempts + 1, v_run.max_attempts)
          else '' end
      ),
      'system', v_now
    );
    return next row(
      v_run.id, v_run.run_number, v_run.attempt, v_run.claimed_by, v_status::text
    )::ops.reaped_run;
  end loop;
  perform ops.ready_due_runs(1000);
  perform ops.free_stray_runs();
  if to_regclass(format('ops.%I', to_char(
    (v_now at time zone 'UTC') + interval '2 months', '"run_log_chunks_"YYYYMM'
  ))) is null then
    perform ops.ensure_partitions();
  end if;
end;
$$;
comment on function ops.reap_lost_runs(int) is
  'Requeues, fails or cancels runs whose lease has expired; returns them.';
