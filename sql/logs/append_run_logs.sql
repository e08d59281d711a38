-- Stores a batch of log lines. The database numbers them (next_seq per attempt): a batch that starts
-- at next_seq is stored; one that lies wholly below it and is equal is a repeat and changes nothing;
-- anything else is OP005 with next_seq in DETAIL. After the completion, lines still find their place
-- until finish_run_log. An array of one step or one level stands for all lines.
create or replace function ops.append_run_logs(
  p_run_id uuid,
  p_claim_token uuid,
  p_first_seq bigint,
  p_steps text[],
  p_timestamps timestamptz[],
  p_levels text[],
  p_messages text[]
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_attempt record;
  v_count int := coalesce(cardinality(p_messages), 0);
  v_levels smallint[];
begin
  if p_first_seq is null or v_count not between 1 and 10000
    or cardinality(p_steps) is distinct from v_count
    or cardinality(p_timestamps) is distinct from v_count
    or cardinality(p_levels) is distinct from v_count
    or array_position(p_messages, null) is not null
    or array_position(p_timestamps, null) is not null
    or not p_levels <@ array['debug', 'info', 'warning', 'error']
  then
    perform ops.check_log_lines(p_first_seq, p_steps, p_timestamps, p_levels, p_messages);
  end if;
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'append log lines');
  end if;
  select a.attempt, a.project_id, a.next_seq into v_attempt
  from ops.run_attempts a
  join ops.runs r on r.id = a.run_id and r.attempt = a.attempt
  where a.run_id = p_run_id
    and (a.token = p_claim_token or p_claim_token is null)
    and (a.outcome is null or a.completion_hash is not null and a.left_status <> 'queued')
    and a.log_sha256 is null
  for no key update of a;
  if not found then
    perform ops.refuse_claim(p_run_id, p_claim_token, 'append log lines');
  end if;
  if p_first_seq <> v_attempt.next_seq then
    return ops.repeated_log_lines(
      p_run_id, v_attempt.attempt, v_attempt.next_seq, p_first_seq, p_steps, p_timestamps, p_levels,
      p_messages
    );
  end if;
  if p_levels <@ p_levels[1:1] then
    v_levels := array[array_position(array['debug', 'info', 'warning', 'error'], p_levels[1])];
  else
    v_levels := array(
      select case l.level when 'info' then 2 when 'error' then 4 when 'warning' then 3 else 1 end
      from unnest(p_levels) with ordinality l (level, position) order by l.position
    );
  end if;
  insert into ops.run_log_chunks (
    run_id, attempt, first_seq, line_count, project_id, steps, timestamps, levels, messages
  )
  values (
    p_run_id, v_attempt.attempt, p_first_seq, v_count, v_attempt.project_id,
    case when p_steps <@ p_steps[1:1] then p_steps[1:1] else p_steps end,
    p_timestamps, v_levels, p_messages
  );
  update ops.run_attempts a set next_seq = p_first_seq + v_count
  where a.run_id = p_run_id and a.attempt = v_attempt.attempt;
  if to_regnamespace('realtime') is not null then
    perform ops.hint_run_log(p_run_id, v_attempt.attempt, p_first_seq + v_count);
  end if;
  return p_first_seq + v_count;
end;
$$;
comment on function ops.append_run_logs(
  uuid, uuid, bigint, text[], timestamptz[], text[], text[]
) is 'Stores a batch of lines that starts at next_seq; returns the new next_seq.';
