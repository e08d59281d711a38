//! The SQL contract, its Rust client, and `migrate`.

mod harness;
