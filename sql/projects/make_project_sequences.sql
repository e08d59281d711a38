-- Trigger after an insert into projects: each project numbers its runs with a sequence of its own (a
-- counter row would make a bulk insert crawl) and keeps in another when it was last served.
create or replace function ops.make_project_sequences()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_hex text := replace(new.id::text, '-', '');
begin
  execute format('create sequence ops.%I', 'run_number_' || v_hex);
  execute format('create sequence ops.%I', 'turn_' || v_hex);
  return null;
end;
$$;
comment on function ops.make_project_sequences() is 'After insert on projects, each row.';
