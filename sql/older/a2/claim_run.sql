-- The next agent run for an executor of generation A2. Until contract version 2; runs of ours are
-- claimed with ops.claim_next_run.
create or replace function ops.claim_run(p_executor uuid)
returns table (run_id uuid, kind text, spec jsonb, artifact_base_uri text)
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
begin
  update ops.executors x set last_seen_at = ops.clock() where x.id = p_executor and x.is_active;
  if not found then
    raise exception using
      errcode = 'OP001',
      message = format('executor %s not found or not active', coalesce(p_executor::text, 'null'));
  end if;
  return query
  update ops.agent_runs r
  set status = 'claimed', claimed_by = p_executor, claimed_at = ops.clock(),
    heartbeat_at = ops.clock(), updated_at = ops.clock()
  where r.id = (
    select q.id from ops.agent_runs q
    where q.status = 'queued'
    order by q.priority, q.created_at
    limit 1
    for no key update skip locked
  )
  returning r.id, r.kind, r.spec, r.artifact_base_uri;
end;
$$;
comment on function ops.claim_run(uuid) is
  'Claims an agent run for an executor; no row when none is queued. Until contract version 2.';
