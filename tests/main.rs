//! Every integration test, in one binary: the modules stand in the order of the house.

mod cli;
mod contract;
mod deploy;
mod docker;
mod gates;
mod git;
mod isolation;
mod odoo;
mod runner;
mod store;
mod support;
mod systemd;
mod tidy;
mod workflow;
