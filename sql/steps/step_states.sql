-- What earlier attempts of a run did, step by step.
create or replace function ops.step_states(p_run_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'attempt', s.attempt, 'step', s.step, 'status', s.status,
        'exit_code', s.exit_code, 'detail', s.detail
      )
      order by s.attempt, s.started_at, s.step
    ),
    '[]'
  )
  from ops.run_steps s
  where s.run_id = p_run_id;
$$;
comment on function ops.step_states(uuid) is '[{attempt, step, status, exit_code, detail}], oldest first.';
