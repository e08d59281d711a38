-- Renews all leases of a worker in one call and brings back what it must know: leases lost, cancel
-- requests, a drain request, and when the next run becomes due. Without a token operators mean the
-- current attempt.
create or replace function ops.heartbeat_worker(
  p_worker_id text,
  p_state text,
  p_reason text,
  p_run_ids uuid[],
  p_claim_tokens uuid[],
  p_lease_secs int default 30
)
returns setof ops.run_lease
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_worker ops.worker_row;
  v_next_due_in_ms bigint := ops.next_due_in_ms();
begin
  perform ops.require_lease_secs(p_lease_secs);
  if p_state is null or p_state not in ('available', 'busy', 'draining', 'sick', 'offline') then
    raise exception using
      errcode = 'OP004',
      message = 'p_state: available, busy, draining, sick or offline',
      detail = format('it was %L', p_state);
  end if;
  if coalesce(cardinality(p_run_ids), 0) <> coalesce(cardinality(p_claim_tokens), 0) then
    raise exception using
      errcode = 'OP004',
      message = 'p_claim_tokens: one per element of p_run_ids',
      detail = format('%s runs, %s tokens', cardinality(p_run_ids), cardinality(p_claim_tokens));
  end if;
  if array_position(p_claim_tokens, null) is not null and not ops.is_operator() then
    perform ops.refuse_claim(
      p_run_ids[array_position(p_claim_tokens, null)], null, 'renew its lease'
    );
  end if;
  v_worker := ops.enter_worker(p_worker_id);
  update ops.workers w
  set state = p_state::ops.worker_state, reason = p_reason, updated_at = v_now
  where w.id = p_worker_id
    and (w.state <> p_state::ops.worker_state or w.reason is distinct from p_reason);
  update ops.worker_heartbeats h set last_seen_at = v_now
  where h.worker_id = p_worker_id and h.last_seen_at < v_now;
  if coalesce(cardinality(p_run_ids), 0) = 0 then
    return query
      select null::uuid, null::boolean, null::boolean, null::timestamptz,
        v_worker.drain_requested, v_next_due_in_ms;
    return;
  end if;
  perform 1 from ops.runs r where r.id = any (p_run_ids) and r.active
  order by r.id for no key update;
  return query
    with renewed as (
      update ops.runs r
      set lease_expires_at = v_now + make_interval(secs => p_lease_secs)
      from unnest(p_run_ids, p_claim_tokens) c (run_id, token)
      join ops.run_attempts a on a.run_id = c.run_id and (a.token = c.token or c.token is null)
      where r.id = c.run_id and r.active and r.attempt = a.attempt
        and r.claimed_by = p_worker_id
      returning r.id, a.token, r.cancel_requested_at is not null as cancel_requested, r.lease_expires_at
    )
    select c.run_id, n.id is null, coalesce(n.cancel_requested, false), n.lease_expires_at,
      v_worker.drain_requested, v_next_due_in_ms
    from unnest(p_run_ids, p_claim_tokens) with ordinality c (run_id, token, position)
    left join renewed n on n.id = c.run_id and (n.token = c.token or c.token is null)
    order by c.position;
end;
$$;
comment on function ops.heartbeat_worker(text, text, text, uuid[], uuid[], int) is
  'Renews the leases of the named runs; one row per run, or one with run_id null when none is named.';
