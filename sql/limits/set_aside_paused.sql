-- Takes runs of a paused project out of the claim index, where a claim has met them. Without waiting:
-- pause and resume hold the project's row, and then this is left to the next claim.
create or replace function ops.set_aside_paused(p_project_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
set jit = off
as $$
begin
  perform 1 from ops.projects p
  where p.id = p_project_id and (p.paused_reason is not null or p.status <> 'active')
  for key share skip locked;
  if not found then
    return;
  end if;
  with waiting as (
    select r.id from ops.runs r
    where r.ready and r.project_id = p_project_id
    limit 1000
    for no key update skip locked
  )
  update ops.runs r set ready = false, blocked_by = 'paused'
  where r.id in (select w.id from waiting w);
end;
$$;
comment on function ops.set_aside_paused(uuid) is 'Marks ready runs of a paused project as paused.';
