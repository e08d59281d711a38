-- What a worker's verdict means: null for success, else the failure reason.
create or replace function ops.completion_reason(p_exit_code int, p_failure_reason text)
returns ops.failure_reason
language plpgsql
immutable
security definer
set search_path = ''
as $$
begin
  if p_failure_reason is null then
    if p_exit_code is null then
      raise exception using
        errcode = 'OP004',
        message = 'p_exit_code: null needs a p_failure_reason';
    end if;
    return case when p_exit_code <> 0 then 'user'::ops.failure_reason end;
  end if;
  if p_failure_reason not in ('user', 'timeout', 'invalid', 'canceled', 'infra') then
    raise exception using
      errcode = 'OP004',
      message = 'p_failure_reason: user, timeout, invalid, canceled or infra',
      detail = format('it was %L', p_failure_reason);
  end if;
  if p_exit_code = 0 then
    raise exception using
      errcode = 'OP004',
      message = format('p_failure_reason: exit code 0 has no reason, not %L', p_failure_reason);
  end if;
  return p_failure_reason::ops.failure_reason;
end;
$$;
comment on function ops.completion_reason(int, text) is
  'Null when it succeeded, else why not; OP004 when code and reason contradict each other.';
