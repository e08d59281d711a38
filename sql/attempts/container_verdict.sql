-- May a container, network, volume or database with these labels be removed? Only what is this
-- control plane's own and belongs to no current attempt.
create or replace function ops.container_verdict(p_instance uuid, p_run_id uuid, p_attempt int)
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when p_instance is null or p_run_id is null or p_attempt is null then 'keep'
    when not exists (select from ops.instance i where i.id = p_instance) then 'keep'
    when exists (
      select from ops.runs r
      where r.id = p_run_id and (r.active and r.attempt <= p_attempt or r.attempt < p_attempt)
    ) then 'keep'
    else 'remove'
  end;
$$;
comment on function ops.container_verdict(uuid, uuid, int) is
  'keep or remove; what another control plane made is always kept.';
