-- Locks up to p_limit ready runs of one lane: a project's runs of one priority and one label set, oldest
-- first. Rows that somebody else has locked are passed over; keys and limits are looked at by
-- admit_run. Who gets something has had its turn.
create or replace function ops.take_from_lane(
  p_label_set_id int,
  p_priority int,
  p_project_id uuid,
  p_limit int,
  p_taken uuid[]
)
returns uuid[]
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_project record;
  v_run record;
  v_ids uuid[] := '{}';
  v_left int := p_limit;
  v_last_id uuid := '00000000-0000-0000-0000-000000000000';
  v_found boolean;
begin
  select p.max_running, p.paused_reason is not null or p.status <> 'active' as paused
  into v_project
  from ops.projects p where p.id = p_project_id;
  if v_project.paused then
    perform ops.set_aside_paused(p_project_id);
    return v_ids;
  end if;
  loop
    v_found := false;
    for v_run in
      select r.id, r.concurrency_key
      from ops.runs r
      where r.ready and r.label_set_id = p_label_set_id and r.priority = p_priority
        -- Not `=`: only runs_claim_idx has this order, so that no plan can prefer another.
        and (r.project_id, r.id) > (p_project_id, v_last_id)
        and r.project_id <= p_project_id
        and r.id <> all (p_taken)
      order by r.project_id, r.id
      limit v_left
      for no key update skip locked
    loop
      v_found := true;
      v_last_id := v_run.id;
      if v_project.max_running is not null or v_run.concurrency_key is not null then
        continue when not ops.admit_run(
          v_run.id, p_project_id, v_run.concurrency_key, v_project.max_running
        );
      end if;
      v_ids := v_ids || v_run.id;
      v_left := v_left - 1;
    end loop;
    exit when v_left <= 0 or not v_found;
  end loop;
  if cardinality(v_ids) > 0 then
    perform setval(
      ('ops.turn_' || replace(p_project_id::text, '-', ''))::regclass, nextval('ops.claim_turns')
    );
  end if;
  return v_ids;
end;
$$;
comment on function ops.take_from_lane(int, int, uuid, int, uuid[]) is
  'Ids of the runs that were locked for the caller; p_taken are passed over.';
