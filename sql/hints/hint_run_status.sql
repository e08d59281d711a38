-- Each change of a run's status is a hint to who watches it. The trigger's condition keeps it away where
-- there is no schema realtime.
create or replace function ops.hint_run_status()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform ops.send_run_hint(
    new.run_id, 'status', jsonb_build_object('status', new."to", 'attempt', new.attempt)
  );
  return null;
end;
$$;
comment on function ops.hint_run_status() is 'Sends a hint on a change of status.';
