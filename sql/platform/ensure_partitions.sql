-- Makes the partitions of run_events and run_log_chunks for this month and the next three.
-- Called by migrate, by reap_lost_runs, and by an insert that finds its month missing. ATTACH is
-- used because, other than CREATE … PARTITION OF, it lets readers and writers go on. Where there is a
-- default partition (sql/older/events/columns.sql) it waits for that one's readers: not for long, and
-- a month that is still to come is left for the next call.
create or replace function ops.ensure_partitions()
returns int
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_now timestamptz := ops.clock();
  v_month timestamptz;
  v_table text;
  v_name text;
  v_made int := 0;
  v_in_use text;
begin
  perform pg_advisory_xact_lock(hashtextextended('ops.ensure_partitions', 0));
  for v_month in
    select m at time zone 'UTC'
    from generate_series(
      date_trunc('month', v_now at time zone 'UTC'),
      date_trunc('month', v_now at time zone 'UTC') + interval '3 months',
      interval '1 month'
    ) m
  loop
    foreach v_table in array array['run_events', 'run_log_chunks'] loop
      v_name := v_table || to_char(v_month at time zone 'UTC', '"_"YYYYMM');
      continue when v_table = v_in_use or to_regclass(format('ops.%I', v_name)) is not null;
      begin
        execute format(
          'create table ops.%I (like ops.%I including defaults including storage including compression including constraints)',
          v_name, v_table
        );
        execute format('alter table ops.%I enable row level security', v_name);
        execute format(
          'alter table ops.%I attach partition ops.%I for values from (%L) to (%L)',
          v_table, v_name,
          ops.uuid_v7_floor(v_month),
          ops.uuid_v7_floor(((v_month at time zone 'UTC') + interval '1 month') at time zone 'UTC')
        );
        if v_table = 'run_events' then
          execute format(
            'create trigger refuse_truncate before truncate on ops.%I'
              ' for each statement execute function ops.refuse_event_change()',
            v_name
          );
        end if;
        v_made := v_made + 1;
      exception when lock_not_available then
        if v_month <= v_now then
          raise;
        end if;
        v_in_use := v_table;
      end;
    end loop;
  end loop;
  return v_made;
end;
$$;
comment on function ops.ensure_partitions() is
  'Makes missing monthly partitions ahead of time; returns how many.';
