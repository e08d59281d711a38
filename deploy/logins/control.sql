-- Logins of the control plane, each in one group role and nothing else. Run at every start: a password that was
-- changed in the environment is changed here.
\set ON_ERROR_STOP on
\getenv worker_password WORKER_PASSWORD
\getenv operator_password OPERATOR_PASSWORD

select format('create role %I login', name)
from unnest(array['odooops_worker', 'odooops_operator']) as name
where not exists (select from pg_catalog.pg_roles where rolname = name) \gexec

alter role odooops_worker password :'worker_password';
alter role odooops_operator password :'operator_password';
set client_min_messages = warning;
grant ops_worker to odooops_worker;
grant ops_operator to odooops_operator;
