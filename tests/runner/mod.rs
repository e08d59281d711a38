//! The worker on a real PostgreSQL, most of it with a fake engine.

mod outcomes;
mod stage;
