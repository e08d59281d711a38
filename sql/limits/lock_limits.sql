-- Locks the limit slots that a run counts in: the project's, then its key's. Before the run itself.
create or replace function ops.lock_limits(p_project_id uuid, p_concurrency_key text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform 1
  from ops.concurrency_keys k
  where k.project_id = p_project_id
    and k.concurrency_key in ('', coalesce(p_concurrency_key, ''))
  order by k.concurrency_key
  for no key update;
end;
$$;
comment on function ops.lock_limits(uuid, text) is
  'Locks a run''s limit slots in the fixed order: project, then key.';
