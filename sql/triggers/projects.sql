create or replace trigger make_project_sequences
after insert on ops.projects
for each row execute function ops.make_project_sequences();
