-- Says what is wrong with a batch of log lines.
create or replace function ops.check_log_lines(
  p_first_seq bigint,
  p_steps text[],
  p_timestamps timestamptz[],
  p_levels text[],
  p_messages text[]
)
returns void
language plpgsql
immutable
security definer
set search_path = ''
as $$
declare
  v_count int := coalesce(cardinality(p_messages), 0);
  v_problem text := case
    when p_first_seq is null then 'p_first_seq: must not be null'
    when v_count not between 1 and 10000 then 'p_messages: 1 to 10000 lines'
    when array_position(p_messages, null) is not null then 'p_messages: no line may be null'
    when coalesce(cardinality(p_steps), 0) <> v_count then 'p_steps: one per message'
    when coalesce(cardinality(p_timestamps), 0) <> v_count then 'p_timestamps: one per message'
    when array_position(p_timestamps, null) is not null then 'p_timestamps: none may be null'
    when coalesce(cardinality(p_levels), 0) <> v_count then 'p_levels: one per message'
    when not p_levels <@ array['debug', 'info', 'warning', 'error']
      then 'p_levels: debug, info, warning or error'
  end;
begin
  if v_problem is not null then
    raise exception using
      errcode = 'OP004', message = v_problem, detail = format('%s messages', v_count);
  end if;
end;
$$;
comment on function ops.check_log_lines(bigint, text[], timestamptz[], text[], text[]) is
  'OP004 naming the argument when a batch of lines is malformed.';
