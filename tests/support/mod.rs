//! What tests of several rooms need: a database of one's own, somebody to log in as, signals to wait for.

pub(crate) mod gate;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod postgres_roles;
pub(crate) mod shell;
pub(crate) mod signals;
pub(crate) mod small_disk;
