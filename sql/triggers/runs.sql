create or replace trigger prepare_run
before insert on ops.runs
for each row execute function ops.prepare_run();

create or replace trigger admit_runs
after insert on ops.runs
referencing new table as inserted
for each statement execute function ops.admit_runs();
