-- The options of enqueue_run, each checked; OP004 names the one that is wrong.
create or replace function ops.read_run_options(p_options jsonb)
returns ops.run_options
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_options jsonb := jsonb_strip_nulls(coalesce(p_options, '{}'));
  v_read ops.run_options;
  v_key text;
  v_value jsonb;
  v_problem text;
  c_range constant jsonb :=
    '{"priority": [0, 10000], "timeout_secs": [1, 2592000], "max_attempts": [1, 100]}';
  c_uuid constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
begin
  if jsonb_typeof(v_options) <> 'object' then
    raise exception using errcode = 'OP004', message = 'p_options: must be a JSON object';
  end if;
  for v_key, v_value in select o.key, o.value from jsonb_each(v_options) o loop
    v_problem := case
      when c_range ? v_key then case
        when jsonb_typeof(v_value) = 'number' and v_value #>> '{}' ~ '^[0-9]+$'
          and v_value between c_range -> v_key -> 0 and c_range -> v_key -> 1 then null
        else format(
          'must be a whole number from %s to %s', c_range -> v_key -> 0, c_range -> v_key -> 1
        )
      end
      when v_key in ('concurrency_key', 'idempotency_key') then case
        when jsonb_typeof(v_value) = 'string' and length(v_value #>> '{}') between 1 and 200
          then null
        else 'must be a text of 1 to 200 characters'
      end
      when v_key in ('environment', 'parent_run_id') then case
        when v_value #>> '{}' ~ c_uuid then null
        else 'must be a UUID'
      end
      when v_key in ('required_labels', 'depends_on') then case
        when jsonb_typeof(v_value) <> 'array' then 'must be an array'
        when exists (
          select from jsonb_array_elements(v_value) e
          where jsonb_typeof(e) <> 'string' or v_key = 'depends_on' and e #>> '{}' !~ c_uuid
        ) then case v_key when 'depends_on' then 'must be run ids' else 'must be texts' end
      end
      when v_key = 'not_before' then case
        when jsonb_typeof(v_value) = 'string' and ops.is_timestamp(v_value #>> '{}') then null
        else 'must be a time with its zone, as 2026-02-14T09:00:00Z'
      end
      when v_key = 'trigger' then case
        when v_value #>> '{}' in ('manual', 'push', 'pull_request', 'schedule', 'api', 'run')
          then null
        else 'must be manual, push, pull_request, schedule, api or run'
      end
      else 'unknown option'
    end;
    if v_problem is not null then
      raise exception using
        errcode = 'OP004',
        message = format('p_options.%s: %s', v_key, v_problem),
        detail = format('it was %s', left(v_value::text, 200));
    end if;
  end loop;
  v_read := jsonb_populate_record(null::ops.run_options, v_options);
  v_read.environment_id := (v_options ->> 'environment')::uuid;
  v_read.required_labels := ops.sorted_labels('p_options.required_labels', v_read.required_labels);
  v_read.depends_on := array(select distinct d from unnest(v_read.depends_on) d order by d);
  return v_read;
end;
$$;
comment on function ops.read_run_options(jsonb) is 'Checked options of enqueue_run.';
