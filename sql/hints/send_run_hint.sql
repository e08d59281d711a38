-- Tells who watches a run through Supabase Realtime that there is something to read. A hint and no more:
-- whoever cannot send it, for whatever reason, loses the hint and nothing else. This is the one place
-- with `when others` (docs/adr/0013-hints-may-be-lost.md); a cancel or statement_timeout is not caught.
create or replace function ops.send_run_hint(p_run_id uuid, p_event text, p_payload jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  v_send regprocedure;
begin
  v_send := to_regprocedure('realtime.send(jsonb,text,text,boolean)');
  -- It runs with the owner's rights, so it must belong to somebody who has these already.
  if pg_has_role((select p.proowner from pg_catalog.pg_proc p where p.oid = v_send), 'ops_owner', 'member')
  then
    execute 'select realtime.send($1, $2, $3, true)'
    using p_payload || jsonb_build_object('run_id', p_run_id), p_event, 'ops:run:' || p_run_id;
  end if;
exception when others then
  raise debug 'run %: no hint was sent: % (%)', p_run_id, sqlerrm, sqlstate;
end;
$$;
comment on function ops.send_run_hint(uuid, text, jsonb) is
  'realtime.send on the private topic ops:run:<id>, where that exists; never fails.';
