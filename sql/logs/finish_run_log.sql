-- The worker's last word on the log of its attempt: bytes, lines and SHA-256 of the canonical stream.
-- Also after the completion, with the token of that attempt. A reader compares log_lines with next_seq.
create or replace function ops.finish_run_log(
  p_run_id uuid,
  p_claim_token uuid,
  p_bytes bigint,
  p_lines bigint,
  p_sha256 text
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_attempt ops.token_attempt;
begin
  if coalesce(p_bytes, -1) < 0 or coalesce(p_lines, -1) < 0 then
    raise exception using errcode = 'OP004', message = 'p_bytes, p_lines: 0 or more';
  end if;
  if p_sha256 is null or p_sha256 !~ '^[0-9a-f]{64}$' then
    raise exception using errcode = 'OP004', message = 'p_sha256: 64 lower-case hex digits';
  end if;
  v_attempt := ops.attempt_of_token(p_run_id, p_claim_token, 'finish its log');
  update ops.run_attempts a
  set log_bytes = p_bytes, log_lines = p_lines, log_sha256 = p_sha256
  where a.run_id = p_run_id and a.attempt = v_attempt.attempt
    and (a.log_sha256 is null
      or (a.log_bytes, a.log_lines, a.log_sha256) = (p_bytes, p_lines, p_sha256));
  if not found then
    raise exception using
      errcode = 'OP002',
      message = format('run %s: the log of attempt %s is finished', p_run_id, v_attempt.attempt),
      detail = 'it was finished with other figures';
  end if;
end;
$$;
comment on function ops.finish_run_log(uuid, uuid, bigint, bigint, text) is
  'Records size and checksum of the attempt''s log; no line can be added then.';
