//! The worker on a real PostgreSQL, most of it with a fake engine.

mod away;
mod bad_sources;
mod containers;
mod docker;
mod janitor;
mod killed;
mod logs;
mod outcomes;
mod shutdown;
mod stage;
mod wake;
