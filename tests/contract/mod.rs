//! The SQL contract, its Rust client, and `migrate`.

mod check;
mod client_operator;
mod client_worker;
mod connection;
mod dump;
mod fixture;
mod harness;
mod migrate;
mod migrate_objects;
mod seed_004;
mod stage;
mod workflow_definition_problem;
