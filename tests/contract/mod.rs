//! The SQL contract, its Rust client, and `migrate`.

mod harness;
mod seed_004;
mod workflow_definition_problem;
