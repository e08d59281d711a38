-- The login with which workers and the containers they make use the server for Odoo databases.
\set ON_ERROR_STOP on
\getenv odoo_password ODOO_PASSWORD

select 'create role odoo login' where not exists (select from pg_catalog.pg_roles where rolname = 'odoo') \gexec

alter role odoo createdb password :'odoo_password';
