//! The verdict over one run of Odoo: pure, over everything that was seen, never the exit code alone.
//!
//! Green ⇔ exit code 0 ∧ `Modules loaded.` ∧ `Initiating shutdown` ∧ nothing at ERROR or CRITICAL and no
//! traceback ∧ tests counted (N > 0, not all of them skipped) where tests were asked ∧ every module asked
//! for is installed at its manifest's version ∧ no module is left half-way. Warnings are told, they do
//! not fail a run.

use std::fmt;

use super::log::{LogFacts, TestSummary};

#[cfg(test)]
mod tests;

/// State of a module in the database (`ir_module_module`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleState {
    /// Technical name.
    pub name: String,
    /// `installed`, `uninstalled`, `to upgrade`, …
    pub state: String,
    /// Version that is installed (`latest_version`).
    pub version: Option<String>,
}

/// A module that the run was asked to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedModule {
    /// Technical name.
    pub name: String,
    /// Version that its manifest says; `None` for Odoo's own modules.
    pub version: Option<String>,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i64),
    /// The kernel killed it at its memory limit.
    OutOfMemory,
}

/// Whether the run was to run tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestsAsked {
    /// It was, and at least one must have run.
    Yes,
    /// It was not.
    No,
}

/// Everything that was seen of one run.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// How it ended.
    pub ended: Ended,
    /// What its log said.
    pub log: &'a LogFacts,
    /// Module states afterwards; `None` when the database has no `ir_module_module`.
    pub states: Option<&'a [ModuleState]>,
    /// Modules asked for.
    pub asked: &'a [AskedModule],
    /// Whether tests were asked for.
    pub tests: TestsAsked,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Green,
    /// All is well, but the log has this many warnings.
    GreenWithWarnings(u64),
    /// It failed.
    Red(Reason),
}

/// Why a run failed; the most telling fact is the one that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Killed at its memory limit.
    OutOfMemory,
    /// Killed or interrupted by a signal (exit code 130 or above 128).
    Interrupted(i64),
    /// Odoo refused its command line or configuration (exit code 2).
    WrongUsage(String),
    /// The database could not be initialised; what Python said.
    DidNotLoad(String),
    /// Tests failed.
    TestsFailed(TestSummary, Vec<String>),
    /// Another exit code than 0; the last thing that was said.
    Exited(i64, String),
    /// Modules that do not exist (Odoo exits 0).
    UnknownModules(Vec<String>),
    /// Tests were asked for and there is no summary.
    NoTestSummary,
    /// Tests were asked for and none ran (Odoo exits 0).
    NoTestsRan,
    /// Tests were asked for and each of these was skipped (Odoo exits 0 and counts them).
    AllSkipped(u64),
    /// `Modules loaded.` or `Initiating shutdown` is missing.
    NotFinished(&'static str),
    /// Errors in the log (Odoo exits 0): how many, and the first.
    ErrorsLogged(u64, String),
    /// The database has no modules table.
    NoModuleStates,
    /// Modules asked for that are not installed, with their state.
    NotInstalled(Vec<(String, String)>),
    /// A module is installed at another version than its manifest's.
    OtherVersion {
        /// Module.
        module: String,
        /// What the manifest says.
        manifest: String,
        /// What the database says.
        installed: String,
    },
    /// Modules left `to install`, `to upgrade` or `to remove`.
    LeftHalfway(Vec<String>),
}

/// Judges one run.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    let reason = judge_end(evidence)
        .or_else(|| judge_log(evidence))
        .or_else(|| judge_states(evidence.states, evidence.asked));
    match (reason, evidence.log.warnings) {
        (Some(reason), _) => Verdict::Red(reason),
        (None, 0) => Verdict::Green,
        (None, warnings) => Verdict::GreenWithWarnings(warnings),
    }
}

fn judge_end(evidence: &Evidence<'_>) -> Option<Reason> {
    let log = evidence.log;
    let code = match evidence.ended {
        Ended::OutOfMemory => return Some(Reason::OutOfMemory),
        Ended::Exited(code) => code,
    };
    let failed = log.summary.filter(|summary| summary.failed + summary.errors > 0);
    let said = || {
        log.first_errors
            .first()
            .or(log.last_exception.as_ref())
            .or(log.last_bare_line.as_ref())
            .map_or("nothing more was said", String::as_str)
            .to_owned()
    };
    match code {
        _ if log.failed_to_initialize => {
            Some(Reason::DidNotLoad(log.last_exception.clone().unwrap_or_else(said)))
        }
        130..255 => Some(Reason::Interrupted(code)),
        2 if !log.shut_down => Some(Reason::WrongUsage(log.last_bare_line.clone().unwrap_or_else(said))),
        _ => match failed {
            Some(summary) => Some(Reason::TestsFailed(summary, log.failing_tests.clone())),
            None if code == 0 => None,
            None => Some(Reason::Exited(code, said())),
        },
    }
}

fn judge_log(evidence: &Evidence<'_>) -> Option<Reason> {
    let log = evidence.log;
    if !log.unknown_modules.is_empty() {
        return Some(Reason::UnknownModules(log.unknown_modules.clone()));
    }
    if log.errors + log.tracebacks > 0 {
        let first = log.first_errors.first().or(log.last_exception.as_ref());
        let first = first.map_or("a traceback", String::as_str).to_owned();
        return Some(Reason::ErrorsLogged(log.errors.max(1), first));
    }
    if !log.modules_loaded {
        return Some(Reason::NotFinished("Modules loaded."));
    }
    match (evidence.tests, log.summary) {
        (TestsAsked::No, _) => {}
        (TestsAsked::Yes, None) => return Some(Reason::NoTestSummary),
        (TestsAsked::Yes, Some(summary)) if summary.tests == 0 => return Some(Reason::NoTestsRan),
        (TestsAsked::Yes, Some(summary)) if summary.tests <= log.skipped => {
            return Some(Reason::AllSkipped(summary.tests));
        }
        (TestsAsked::Yes, Some(_)) => {}
    }
    (!log.shut_down).then_some(Reason::NotFinished("Initiating shutdown"))
}

fn judge_states(states: Option<&[ModuleState]>, asked: &[AskedModule]) -> Option<Reason> {
    let Some(states) = states else { return Some(Reason::NoModuleStates) };
    let find = |name: &str| states.iter().find(|state| state.name == name);
    let halfway: Vec<String> = states
        .iter()
        .filter(|state| state.state.starts_with("to "))
        .map(|state| format!("{} ({})", state.name, state.state))
        .collect();
    if !halfway.is_empty() {
        return Some(Reason::LeftHalfway(halfway));
    }
    let not_installed: Vec<(String, String)> = asked
        .iter()
        .map(|module| (module, find(&module.name).map_or("unknown", |state| state.state.as_str())))
        .filter(|(_, state)| *state != "installed")
        .map(|(module, state)| (module.name.clone(), state.to_owned()))
        .collect();
    if !not_installed.is_empty() {
        return Some(Reason::NotInstalled(not_installed));
    }
    asked.iter().find_map(|module| {
        let manifest = module.version.clone()?;
        let installed = find(&module.name)?.version.clone().unwrap_or_default();
        (installed != manifest).then(|| Reason::OtherVersion {
            module: module.name.clone(),
            manifest,
            installed,
        })
    })
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("Odoo was killed at its memory limit; raise limits.memory_mb"),
            Self::Interrupted(code) => write!(f, "Odoo was stopped by a signal (exit code {code})"),
            Self::WrongUsage(said) => write!(f, "Odoo refused its options: {said}"),
            Self::DidNotLoad(said) => write!(f, "the modules did not load: {said}"),
            Self::TestsFailed(summary, tests) => {
                let TestSummary { failed, errors, tests: of } = summary;
                write!(f, "{failed} failed, {errors} error(s) of {of} tests")?;
                write_first(f, ": ", tests)
            }
            Self::Exited(code, said) => write!(f, "Odoo exited with code {code}: {said}"),
            Self::UnknownModules(names) => {
                write!(f, "no such module: {} (Odoo ignores unknown names)", names.join(", "))
            }
            Self::NoTestSummary => f.write_str("tests were asked for, but Odoo reported none"),
            Self::NoTestsRan => f.write_str("no test ran: the modules have none that the tags select"),
            Self::AllSkipped(tests) => write!(f, "no test ran: all {tests} were skipped"),
            Self::NotFinished(missing) => write!(f, "Odoo did not get to {missing:?}"),
            Self::ErrorsLogged(count, first) => write!(f, "{count} error(s) in the log: {first}"),
            Self::NoModuleStates => f.write_str("the database was not initialised (no ir_module_module)"),
            Self::NotInstalled(modules) => {
                let modules: Vec<String> =
                    modules.iter().map(|(name, state)| format!("{name} is {state}")).collect();
                write!(f, "not installed: {}", modules.join(", "))
            }
            Self::OtherVersion { module, manifest, installed } => write!(
                f,
                "module {module} is installed at version {installed:?}, its manifest says {manifest}"
            ),
            Self::LeftHalfway(modules) => write!(f, "modules were left half-way: {}", modules.join(", ")),
        }
    }
}

/// The first three of a list.
fn write_first(f: &mut fmt::Formatter<'_>, before: &str, items: &[String]) -> fmt::Result {
    for (index, item) in items.iter().take(3).enumerate() {
        write!(f, "{}{item}", if index == 0 { before } else { ", " })?;
    }
    if items.len() > 3 { f.write_str(", …") } else { Ok(()) }
}
