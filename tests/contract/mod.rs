//! The SQL contract, its Rust client, and `migrate`.

mod check;
mod dump;
mod fixture;
mod harness;
mod migrate;
mod migrate_objects;
mod seed_004;
mod workflow_definition_problem;
