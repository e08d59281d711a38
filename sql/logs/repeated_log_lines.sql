-- The answer to a batch that does not start at next_seq: next_seq, when exactly these lines are stored
-- there already; else OP005, by which a worker learns the number to go on with.
create or replace function ops.repeated_log_lines(
  p_run_id uuid,
  p_attempt int,
  p_next_seq bigint,
  p_first_seq bigint,
  p_steps text[],
  p_timestamps timestamptz[],
  p_levels text[],
  p_messages text[]
)
returns bigint
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_last_seq bigint := p_first_seq + cardinality(p_messages) - 1;
begin
  if v_last_seq < p_next_seq and cardinality(p_messages) = (
    select count(*)
    from ops.run_log_chunks c
    cross join lateral unnest(c.messages, c.timestamps) with ordinality m (message, at, position)
    join lateral (select c.first_seq + m.position - p_first_seq as place) l on true
    where c.run_id = p_run_id and c.attempt = p_attempt
      and c.first_seq <= v_last_seq and c.first_seq + c.line_count > p_first_seq
      and l.place between 1 and cardinality(p_messages)
      and m.message = p_messages[l.place]
      and m.at = p_timestamps[l.place]
      and c.steps[least(m.position, cardinality(c.steps))] is not distinct from p_steps[l.place]
      and (array['debug', 'info', 'warning', 'error'])[
        c.levels[least(m.position, cardinality(c.levels))]
      ] = p_levels[l.place]
  ) then
    return p_next_seq;
  end if;
  raise exception using
    errcode = 'OP005',
    message = format(
      'run %s attempt %s: lines %s to %s do not follow', p_run_id, p_attempt, p_first_seq, v_last_seq
    ),
    detail = format('next_seq %s', p_next_seq);
end;
$$;
comment on function ops.repeated_log_lines(
  uuid, int, bigint, bigint, text[], timestamptz[], text[], text[]
) is
  'next_seq for an equal repeat of stored lines; OP005 otherwise.';
