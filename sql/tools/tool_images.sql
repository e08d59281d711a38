-- Names that steps may use for images, with the digest where one is set.
create or replace function ops.tool_images()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(t.name, concat_ws('@', t.image, t.digest)), '{}')
  from ops.tools t;
$$;
comment on function ops.tool_images() is '{tool name: image[@digest]}.';
