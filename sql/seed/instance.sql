-- The identity of this control plane, made once.
insert into ops.instance default values on conflict (singleton) do nothing;
