//! What tests of several rooms need: a database of one's own, somebody to log in as, signals to wait for.

pub mod pgbouncer;
pub mod postgres;
pub mod postgres_roles;
pub mod shell;
pub mod signals;
pub mod small_disk;
