-- Names an image for steps to use.
create or replace function ops.put_tool(
  p_name text,
  p_image text,
  p_version text default null,
  p_digest text default null,
  p_config jsonb default '{}'
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := ops.clock();
  v_problem text := case
    when coalesce(p_name, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$'
      then 'p_name: 1 to 63 lower-case letters, digits and ._-, the first a letter or digit'
    when coalesce(p_image, '') !~ '^[^[:space:]@]{1,255}$' then 'p_image: an image name without digest'
    when p_digest !~ '^sha256:[0-9a-f]{64}$' then 'p_digest: sha256: and 64 hex digits'
    when jsonb_typeof(p_config) <> 'object' then 'p_config: must be a JSON object'
  end;
begin
  perform ops.require_operator('change tools');
  if v_problem is not null then
    raise exception using errcode = 'OP004', message = v_problem;
  end if;
  insert into ops.tools as t (name, image, version, digest, config, created_at, updated_at)
  values (p_name, p_image, p_version, p_digest, coalesce(p_config, '{}'), v_now, v_now)
  on conflict (name) do update
  set image = excluded.image, version = excluded.version, digest = excluded.digest,
    config = excluded.config, updated_at = v_now;
end;
$$;
comment on function ops.put_tool(text, text, text, text, jsonb) is 'Makes or replaces a tool.';
