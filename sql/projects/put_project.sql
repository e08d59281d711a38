-- Makes a project or changes it; null leaves a value as it is. p_max_running 0 removes the limit.
create or replace function ops.put_project(
  p_slug text,
  p_name text default null,
  p_repo_url text default null,
  p_default_branch text default null,
  p_odoo_version text default null,
  p_max_running int default null,
  p_settings jsonb default null,
  p_status text default null
)
returns ops.project_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_id uuid;
  v_limit int := nullif(p_max_running, 0);
  v_problem text := case
    when coalesce(p_slug, '') !~ '^[a-z0-9][a-z0-9-]{0,62}$'
      then 'p_slug: 1 to 63 lower-case letters, digits and -, the first a letter or digit'
    when p_name = '' then 'p_name: must not be empty'
    when p_max_running < 0 then 'p_max_running: 0 (no limit) or more'
    when jsonb_typeof(p_settings) <> 'object' then 'p_settings: must be a JSON object'
    when p_status not in ('active', 'archived') then 'p_status: active or archived'
  end;
begin
  perform ops.require_operator('change projects');
  if v_problem is not null then
    raise exception using errcode = 'OP004', message = v_problem;
  end if;
  insert into ops.projects (id, slug, name, created_at, updated_at)
  values (ops.uuid_v7(), p_slug, coalesce(p_name, p_slug), v_now, v_now)
  on conflict (slug) do nothing;
  select p.id into v_id from ops.projects p where p.slug = p_slug for update;
  update ops.projects p
  set name = coalesce(p_name, p.name),
    repo_url = coalesce(p_repo_url, p.repo_url),
    default_branch = coalesce(p_default_branch, p.default_branch),
    odoo_version = coalesce(p_odoo_version, p.odoo_version),
    settings = coalesce(p_settings, p.settings),
    status = coalesce(p_status::ops.project_status, p.status),
    max_running = case when p_max_running is null then p.max_running else v_limit end,
    updated_at = v_now
  where p.id = v_id;
  if p_max_running is not null then
    perform ops.apply_project_limit(v_id);
  end if;
  if p_status is not null then
    perform ops.apply_project_pause(v_id);
  end if;
  return ops.project_row(v_id);
end;
$$;
comment on function ops.put_project(text, text, text, text, text, int, jsonb, text) is
  'Makes or changes a project; what is null stays. Archived: nothing can be queued, nothing starts.';
