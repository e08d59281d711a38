-- The attempt whose token this is, locked: the current one, or the last one of a finished run whose
-- completion it was. Null token (operators only): the current attempt.
create or replace function ops.attempt_of_token(p_run_id uuid, p_claim_token uuid, p_what text)
returns ops.token_attempt
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_attempt ops.token_attempt;
begin
  if p_claim_token is null and not ops.is_operator() then
    perform ops.refuse_claim(p_run_id, p_claim_token, p_what);
  end if;
  select a.attempt, a.project_id, a.outcome is null, r.status
  into v_attempt
  from ops.run_attempts a
  join ops.runs r on r.id = a.run_id and r.attempt = a.attempt
  where a.run_id = p_run_id
    and (a.token = p_claim_token or p_claim_token is null)
    and (a.outcome is null or a.completion_hash is not null and a.left_status <> 'queued')
  for no key update of a;
  if not found then
    perform ops.refuse_claim(p_run_id, p_claim_token, p_what);
  end if;
  return v_attempt;
end;
$$;
comment on function ops.attempt_of_token(uuid, uuid, text) is
  'The attempt of the token, its row locked; OP001, OP002, OP003 or OP007 when there is none.';
