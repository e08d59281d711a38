create or replace trigger refuse_change
before update or delete on ops.run_events
for each row execute function ops.refuse_event_change();

create or replace trigger refuse_truncate
before truncate on ops.run_events
for each statement execute function ops.refuse_event_change();

create or replace trigger hint_run_status
after insert on ops.run_events
for each row
when (
  new."from" is not null and new."from" is distinct from new."to"
  and to_regnamespace('realtime') is not null
)
execute function ops.hint_run_status();
