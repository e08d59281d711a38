//! The built program as its users have it: what it prints, where, and how it ends.

mod artifacts;
mod completions;
mod config;
mod diagrams;
mod faults;
mod follow;
mod logs;
mod migrate;
mod pooler;
mod program;
mod projects;
mod runs;
mod scripts;
mod settings_table;
mod sources;
mod terminal;
mod usage;
mod worker_check;
mod worker_process;
mod workers;
mod workflows;
