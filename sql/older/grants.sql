-- The calls of older generations: operators and the server's role, nobody else.
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid
    from pg_catalog.pg_proc p
    where p.pronamespace = 'ops'::regnamespace and p.proowner = 'ops_owner'::regrole
      and p.proname in (
        'cleanup_run_events', 'claim_run', 'start_run', 'complete_run', 'fail_run',
        'requeue_stale_runs', 'log_event', 'add_artifact'
      )
  loop
    execute format('grant execute on function %s to ops_operator, service_role', v_function);
  end loop;
end $$;
