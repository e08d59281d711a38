//! The built-in workflows on a real engine, a real Postgres and the real worker; Odoo's place is taken by
//! the stand-in (`../fixtures/standin`), and by a real Odoo where `ODOOOPS_TEST_ODOO_IMAGE` names one.

mod backup;
mod backup_faults;
mod bench;
mod build;
mod cases;
mod databases;
mod odoo_server;
mod real;
mod test;
