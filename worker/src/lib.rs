//! odooops runs Odoo builds, tests and backups from a queue that lives in Postgres.
//!
//! The life of a run, and so the order of the modules: the **cli** starts a worker from **config**;
//! **contract** (the only SQL on `ops.*`) wakes it and hands out a run with a lease; **runner** asks
//! **workflow** what comes next and calls an **action** for it, which turns what **odoo** knows into
//! container specs; **container** (the only Docker) runs them; output comes back as bytes, is
//! redacted, split into lines and appended through the contract; files go to the **store** (the only
//! S3); **git** checks sources out. State lives in Postgres and the store only.

pub mod action;
pub mod cli;
pub mod config;
pub mod container;
pub mod contract;
pub mod git;
pub mod odoo;
pub mod runner;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod workflow;
