//! The SQL contract, its Rust client, and `migrate`.

mod harness;
mod workflow_definition_problem;
