-- Which contract this database speaks and who it is. A worker asks before anything else.
create or replace function ops.contract_info()
returns ops.contract_version
language sql
stable
security definer
set search_path = ''
as $$
  select row(1, '0.1.0', i.id)::ops.contract_version from ops.instance i;
$$;
comment on function ops.contract_info() is
  'Contract version, oldest worker that may connect, and the id of this control plane.';
