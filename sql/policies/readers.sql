-- What ops_reader sees of the tables under the views: every row, of the columns it was granted.

drop policy if exists readers_read on ops.projects;
create policy readers_read on ops.projects
for select to ops_reader using (true);

drop policy if exists readers_read on ops.workflows;
create policy readers_read on ops.workflows
for select to ops_reader using (true);

drop policy if exists readers_read on ops.runs;
create policy readers_read on ops.runs
for select to ops_reader using (true);

drop policy if exists readers_read on ops.run_attempts;
create policy readers_read on ops.run_attempts
for select to ops_reader using (true);

drop policy if exists readers_read on ops.run_artifacts;
create policy readers_read on ops.run_artifacts
for select to ops_reader using (true);

drop policy if exists readers_read on ops.workers;
create policy readers_read on ops.workers
for select to ops_reader using (true);

drop policy if exists readers_read on ops.worker_heartbeats;
create policy readers_read on ops.worker_heartbeats
for select to ops_reader using (true);

drop policy if exists readers_read on ops.run_log_chunks;
create policy readers_read on ops.run_log_chunks
for select to ops_reader using (true);
