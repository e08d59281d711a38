-- Trigger: the audit trail is append-only, for its owner too.
create or replace function ops.refuse_event_change()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'OP007',
    message = format('ops.run_events is append-only: %s refused', lower(tg_op)),
    detail = 'a month is removed by dropping its partition';
end;
$$;
comment on function ops.refuse_event_change() is 'Refuses update, delete and truncate.';
