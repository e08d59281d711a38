-- The number of a set of labels (sorted, distinct), made on first use.
create or replace function ops.intern_labels(p_labels text[])
returns int
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_id int;
begin
  loop
    select s.id into v_id from ops.label_sets s where s.labels = p_labels;
    if found then
      return v_id;
    end if;
    insert into ops.label_sets (labels) values (p_labels) on conflict (labels) do nothing;
  end loop;
end;
$$;
comment on function ops.intern_labels(text[]) is 'The label_set_id of sorted, distinct labels.';
