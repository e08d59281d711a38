-- Completes many runs in one call, one row for each in the order given. A run that is refused says so
-- in its row and does not undo the others.
create or replace function ops.complete_workflow_runs(
  p_run_ids uuid[],
  p_claim_tokens uuid[],
  p_exit_codes int[],
  p_error_messages text[],
  p_failure_reasons text[],
  p_results jsonb[]
)
returns setof ops.completed_run
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := ops.clock();
  v_count int := coalesce(cardinality(p_run_ids), 0);
  v_slot record;
  v_done ops.completed_run[];
  v_element record;
  v_state ops.run_state;
begin
  if coalesce(cardinality(p_claim_tokens), 0) <> v_count
    or coalesce(cardinality(p_exit_codes), 0) <> v_count
    or coalesce(cardinality(p_error_messages), 0) <> v_count
    or coalesce(cardinality(p_failure_reasons), 0) <> v_count
    or coalesce(cardinality(p_results), 0) <> v_count
    or v_count > 1000
  then
    raise exception using
      errcode = 'OP004',
      message = 'p_run_ids: at most 1000 runs, and one element each in all the other arrays';
  end if;
  if array_position(p_claim_tokens, null) is not null and not ops.is_operator() then
    perform ops.refuse_claim(
      p_run_ids[array_position(p_claim_tokens, null)], null, 'complete'
    );
  end if;
  for v_slot in
    select distinct r.project_id, r.concurrency_key
    from ops.runs r
    where r.id = any (p_run_ids) and (r.limited or r.concurrency_key is not null)
    order by r.project_id, r.concurrency_key
  loop
    perform ops.lock_limits(v_slot.project_id, v_slot.concurrency_key);
  end loop;
  if exists (select from ops.run_dependencies d where d.depends_on = any (p_run_ids)) then
    perform ops.lock_dependents(p_run_ids, true);
  end if;
  perform 1 from ops.runs r where r.id = any (p_run_ids) and r.active
  order by r.id for no key update;

  -- The many that simply succeed go together; the rest one by one.
  with element as (
    select c.*
    from unnest(p_run_ids, p_claim_tokens, p_exit_codes, p_error_messages, p_failure_reasons, p_results)
      c (id, token, exit_code, error_message, failure_reason, result)
    where c.exit_code = 0 and c.failure_reason is null
  ), succeeded as (
    update ops.runs r
    set status = 'succeeded', active = false, lease_expires_at = null, finished_at = v_now,
      exit_code = 0, failure_reason = null, error_message = c.error_message,
      result = coalesce(c.result, r.result), updated_at = v_now
    from element c
    join ops.run_attempts a on a.run_id = c.id and a.token = c.token
    where r.id = c.id and r.status = 'running' and r.attempt = a.attempt
      and not r.limited and r.concurrency_key is null
      and not exists (select from ops.run_dependencies d where d.depends_on = r.id)
    returning r.id, r.run_number, r.project_id, r.attempt, r.claimed_by,
      c.error_message, c.result
  ), attempts as (
    update ops.run_attempts a
    set finished_at = v_now, outcome = 'succeeded', left_status = 'succeeded', exit_code = 0,
      error_message = s.error_message,
      completion_hash = md5(row(0, s.error_message, null::text, s.result)::text)
    from succeeded s
    where a.run_id = s.id and a.attempt = s.attempt
  ), events as (
    insert into ops.run_events (run_id, project_id, attempt, "from", "to", actor, created_at)
    select s.id, s.project_id, s.attempt, 'running', 'succeeded', 'worker:' || s.claimed_by, v_now
    from succeeded s
  )
  select array_agg(
    row(s.id, s.run_number, 'succeeded', s.attempt, null, v_now, null, null)::ops.completed_run
  )
  into v_done
  from succeeded s;
  if cardinality(v_done) = v_count then
    return query
      select d.* from unnest(v_done) d order by array_position(p_run_ids, d.id);
    return;
  end if;

  for v_element in
    select c.*
    from unnest(p_run_ids, p_claim_tokens, p_exit_codes, p_error_messages, p_failure_reasons, p_results)
      with ordinality c (id, token, exit_code, error_message, failure_reason, result, position)
    order by c.position
  loop
    begin
      v_state := ops.complete_workflow_run(
        v_element.id, v_element.exit_code, v_element.error_message, v_element.token,
        v_element.failure_reason, v_element.result
      );
      return next row(
        v_state.id, v_state.run_number, v_state.status, v_state.attempt, v_state.failure_reason,
        v_state.updated_at, null, null
      )::ops.completed_run;
    exception
      when sqlstate 'OP001' or sqlstate 'OP002' or sqlstate 'OP003' or sqlstate 'OP004' then
        return next row(
          v_element.id, null, null, null, null, null, sqlstate, sqlerrm
        )::ops.completed_run;
    end;
  end loop;
end;
$$;
comment on function ops.complete_workflow_runs(uuid[], uuid[], int[], text[], text[], jsonb[]) is
  'Completes up to 1000 runs; a refused one has refused_with and refusal set, the others stand.';
