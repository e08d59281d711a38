-- Records a file in the store. The same call again returns the row; other values under the same key
-- are OP005, except from a later attempt, which replaces what the one before left.
create or replace function ops.add_run_artifact(
  p_run_id uuid,
  p_artifact_key text,
  p_s3_url text,
  p_size_bytes bigint default null,
  p_sha256 text default null,
  p_content_type text default null,
  p_expires_at timestamptz default null,
  p_metadata jsonb default '{}',
  p_claim_token uuid default null
)
returns ops.artifact_row
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_attempt ops.token_attempt;
  v_row ops.artifact_row;
  v_metadata jsonb := coalesce(p_metadata, '{}');
  v_problem text := case
    when coalesce(p_artifact_key, '') = '' or length(p_artifact_key) > 1024
      then 'p_artifact_key: 1 to 1024 characters'
    when coalesce(p_s3_url, '') !~ '^(s3|file)://' then 'p_s3_url: s3://… or file://…'
    when p_size_bytes < 0 then 'p_size_bytes: 0 or more'
    when p_sha256 !~ '^[0-9a-f]{64}$' then 'p_sha256: 64 lower-case hex digits'
    when jsonb_typeof(v_metadata) <> 'object' then 'p_metadata: must be a JSON object'
  end;
begin
  if v_problem is not null then
    raise exception using errcode = 'OP004', message = v_problem;
  end if;
  v_attempt := ops.attempt_of_token(p_run_id, p_claim_token, 'get an artifact');
  insert into ops.run_artifacts as a (
    run_id, artifact_key, project_id, attempt, s3_url, size_bytes, sha256, content_type, expires_at,
    metadata, created_at
  )
  values (
    p_run_id, p_artifact_key, v_attempt.project_id, v_attempt.attempt, p_s3_url, p_size_bytes,
    p_sha256, p_content_type, p_expires_at, v_metadata, ops.clock()
  )
  on conflict (run_id, artifact_key) do update
  set attempt = excluded.attempt, s3_url = excluded.s3_url, size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256, content_type = excluded.content_type,
    expires_at = excluded.expires_at, metadata = excluded.metadata, created_at = excluded.created_at
  where a.attempt < excluded.attempt;
  select a.run_id, a.artifact_key, a.s3_url, a.size_bytes, a.sha256, a.content_type, a.expires_at,
    a.metadata, a.created_at
  into v_row
  from ops.run_artifacts a
  where a.run_id = p_run_id and a.artifact_key = p_artifact_key;
  if (v_row.s3_url, v_row.size_bytes, v_row.sha256, v_row.content_type, v_row.expires_at,
      v_row.metadata)
    is distinct from
    (p_s3_url, p_size_bytes, p_sha256, p_content_type, p_expires_at, v_metadata)
  then
    raise exception using
      errcode = 'OP005',
      message = format('run %s has another artifact %s', p_run_id, p_artifact_key),
      detail = format('it is %s, sha256 %s', v_row.s3_url, coalesce(v_row.sha256, 'unknown'));
  end if;
  return v_row;
end;
$$;
comment on function ops.add_run_artifact(
  uuid, text, text, bigint, text, text, timestamptz, jsonb, uuid
) is 'Records an artifact; idempotent on (run, key).';
