//! The built program as its users have it: what it prints, where, and how it ends.

mod artifacts;
mod completions;
mod faults;
mod follow;
mod logs;
mod program;
mod projects;
mod runs;
mod scripts;
mod usage;
mod workers;
mod workflows;
