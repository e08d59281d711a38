-- Says why a call that names a run and a claim token was refused. Called when the guarded statement
-- found nothing, so it always raises.
create or replace function ops.refuse_claim(p_run_id uuid, p_claim_token uuid, p_what text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_run record;
begin
  if p_claim_token is null and not ops.is_operator() then
    raise exception using
      errcode = 'OP007',
      message = format('run %s: %s needs the claim token', p_run_id, p_what),
      detail = format('role %s is not in ops_operator', ops.caller());
  end if;
  select r.status, r.attempt, r.claimed_by into v_run from ops.runs r where r.id = p_run_id;
  if not found then
    raise exception using
      errcode = 'OP001', message = format('run %s not found', coalesce(p_run_id::text, 'null'));
  end if;
  if p_claim_token is not null and not exists (
    select from ops.run_attempts a
    where a.run_id = p_run_id
      and a.attempt = v_run.attempt
      and a.token = p_claim_token
      and (a.outcome is null or a.completion_hash is not null and a.left_status <> 'queued')
  ) then
    raise exception using
      errcode = 'OP003',
      message = format('run %s: the claim is lost', p_run_id),
      detail = format('status %s, attempt %s', v_run.status, v_run.attempt);
  end if;
  raise exception using
    errcode = 'OP002',
    message = format('run %s cannot %s', p_run_id, p_what),
    detail = format('status %s, attempt %s', v_run.status, v_run.attempt);
end;
$$;
comment on function ops.refuse_claim(uuid, uuid, text) is
  'Always raises: OP007, OP001, OP003 or OP002, whichever is true.';
