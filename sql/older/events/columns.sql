-- Columns that senders of older generations name when they insert into ops.run_events. A row of
-- theirs goes to ops.agent_events by the trigger route_agent_event; nothing is stored in them here.
-- Until contract version 2.
do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = 'ops.run_events'::regclass and a.attname = 'event_id' and not a.attisdropped
  ) then
    alter table ops.run_events
      add column event_id text,
      add column level text,
      add column message text,
      add column context jsonb,
      add column phase text,
      add column data jsonb;
    -- Senders of A1 name no run; a row needs some partition to be looked at by the trigger.
    alter table ops.run_events
      alter column run_id set default '00000000-0000-0000-0000-000000000000';
  end if;
  -- Ids of agent runs are spread over all UUIDs, so only a default partition takes them all. It
  -- stays empty: the trigger takes each row of theirs out, and one of ours fails as without it.
  if to_regclass('ops.run_events_older') is null then
    create table ops.run_events_older partition of ops.run_events
      (constraint run_events_older_stays_empty check (false)) default;
    alter table ops.run_events_older enable row level security;
    create trigger refuse_truncate before truncate on ops.run_events_older
      for each statement execute function ops.refuse_event_change();
  end if;
end $$;
