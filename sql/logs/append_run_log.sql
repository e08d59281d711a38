-- Stores one log line, for scripts: append_run_log(run, 'info', 'hello').
create or replace function ops.append_run_log(
  p_run_id uuid,
  p_level text,
  p_message text,
  p_metadata jsonb default '{}',
  p_claim_token uuid default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_attempt record;
begin
  perform ops.check_log_lines(1, array[''], array[ops.clock()], array[p_level], array[p_message]);
  if p_metadata is not null and jsonb_typeof(p_metadata) <> 'object' then
    raise exception using errcode = 'OP004', message = 'p_metadata: must be a JSON object';
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
  insert into ops.run_log_chunks (
    run_id, attempt, first_seq, line_count, project_id, steps, timestamps, levels, messages, metadata
  )
  values (
    p_run_id, v_attempt.attempt, v_attempt.next_seq, 1, v_attempt.project_id, array[null::text],
    array[ops.clock()],
    array[array_position(array['debug', 'info', 'warning', 'error'], p_level)::smallint],
    array[p_message], nullif(p_metadata, '{}')
  );
  update ops.run_attempts a set next_seq = v_attempt.next_seq + 1
  where a.run_id = p_run_id and a.attempt = v_attempt.attempt;
  if to_regnamespace('realtime') is not null then
    perform ops.hint_run_log(p_run_id, v_attempt.attempt, v_attempt.next_seq + 1);
  end if;
  return v_attempt.next_seq;
end;
$$;
comment on function ops.append_run_log(uuid, text, text, jsonb, uuid) is 'Stores one line; returns its number.';
