-- Rows of ours have a project, which nobody else can name.
create or replace trigger route_agent_artifact
before insert on ops.run_artifacts
for each row
when (new.project_id is null)
execute function ops.route_agent_artifact();
