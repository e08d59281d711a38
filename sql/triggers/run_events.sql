create or replace trigger refuse_change
before update or delete on ops.run_events
for each row execute function ops.refuse_event_change();

create or replace trigger refuse_truncate
before truncate on ops.run_events
for each statement execute function ops.refuse_event_change();
