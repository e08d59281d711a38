-- Lines of one attempt after a number, for a console that follows a log: it calls again with the last seq it
-- has. Reads only the chunks that hold these lines, however long the log is; ops.run_logs unpacks all.
create or replace function ops.read_run_log(
  p_run_id uuid,
  p_after_seq bigint default 0,
  p_attempt int default null,
  p_limit int default 1000
)
returns setof ops.run_log_line
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_attempt int := p_attempt;
begin
  if p_after_seq is null or p_after_seq not between 0 and 1000000000000 then
    raise exception using
      errcode = 'OP004',
      message = format('p_after_seq: 0 or the last number read, not %s', coalesce(p_after_seq::text, 'null'));
  end if;
  if p_limit is null or p_limit not between 1 and 10000 then
    raise exception using
      errcode = 'OP004', message = format('p_limit: 1 to 10000, not %s', coalesce(p_limit::text, 'null'));
  end if;
  perform ops.require_run_member(p_run_id, 'viewer', 'read logs');
  if v_attempt is null then
    select r.attempt into v_attempt from ops.runs r where r.id = p_run_id;
  end if;
  -- A chunk has at most 10,000 lines, so one that began earlier does not reach beyond p_after_seq.
  return query
    select
      c.attempt, c.first_seq + l.position - 1,
      case when cardinality(c.steps) = 1 then c.steps[1] else c.steps[l.position] end,
      l.at,
      (array['debug', 'info', 'warning', 'error'])[
        case when cardinality(c.levels) = 1 then c.levels[1] else c.levels[l.position] end
      ],
      l.message, coalesce(c.metadata, '{}')
    from ops.run_log_chunks c
    cross join lateral unnest(c.messages, c.timestamps) with ordinality l (message, at, position)
    where c.run_id = p_run_id and c.attempt = v_attempt
      and c.first_seq > p_after_seq - 10000 and c.first_seq <= p_after_seq + p_limit
      and c.first_seq + l.position - 1 > p_after_seq
    order by c.first_seq, l.position
    limit p_limit;
end;
$$;
comment on function ops.read_run_log(uuid, bigint, int, int) is
  'Lines after p_after_seq, in order, of p_attempt or of the latest attempt.';
