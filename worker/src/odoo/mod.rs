//! What we know of Odoo, without I/O: manifests, command lines per series, log lines, the verdict.
//!
//! Odoo's exit code alone lies (unknown modules, no tests and logged errors all exit 0), so a run is
//! judged by [`verdict::judge`] over everything that was seen: exit code, log, module states.

pub mod command;
pub mod literal;
pub mod log;
pub mod manifest;
pub mod modules;
pub mod requirements;
pub mod series;
mod traceback;
pub mod verdict;

pub use command::{Demo, Install, Tests};
pub use log::{LogFacts, LogReader, TestSummary};
pub use manifest::{Manifest, ManifestProblem};
pub use modules::{Module, ModuleName, Modules, ModulesAsked};
pub use series::Series;
pub use verdict::{AskedModule, Ended, Evidence, ModuleState, Reason, TestsAsked, Verdict, judge};
