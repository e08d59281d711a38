//! What people are told when something does not work: what happened, to what, what to do next.

use std::io::{self, Write as _};

use serde_json::json;

use super::exit::Exit;
use super::output::Format;
use crate::config::{ConfigError, Configuration, DatabaseUrl, FileState, first_paragraph};
use crate::container::ContainerError;
use crate::contract::migrate::MigrateError;
use crate::contract::{ContractError, Refusal};
use crate::runner::WorkerError;
use crate::store::StoreError;
use crate::telemetry::TelemetryError;

/// A refusal by the command line itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(super) struct Refused {
    what: String,
    next: Option<String>,
    exit: Exit,
}

impl Refused {
    /// What was asked for cannot be; `next` says what could.
    pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: Some(next.into()), exit: Exit::Usage }
    }
}

/// An error in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    what: String,
    next: Option<String>,
    exit: Exit,
}

impl Failure {
    fn new(what: impl Into<String>, next: Option<String>, exit: Exit) -> Self {
        Self { what: what.into(), next, exit }
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        match &self.next {
            Some(next) => format!("{}; {next}", self.what),
            None => self.what.clone(),
        }
    }
}

/// `None` when a reader of stdout went away, which is no error.
pub(super) fn explain(
    error: &anyhow::Error,
    database: Option<&DatabaseUrl>,
    configuration: &Configuration,
) -> Option<Failure> {
    let is_broken_pipe = |problem: &io::Error| problem.kind() == io::ErrorKind::BrokenPipe;
    if find::<io::Error>(error).is_some_and(is_broken_pipe) {
        return None;
    }
    let failure = if let Some(refused) = find::<Refused>(error) {
        Failure::new(&refused.what, refused.next.clone(), refused.exit)
    } else if let Some(problem) = find::<ConfigError>(error) {
        of_config(problem, configuration)
    } else if let Some(problem) = find::<TelemetryError>(error) {
        Failure::new(problem.to_string(), None, Exit::Usage)
    } else if let Some(problem) = find::<ContractError>(error) {
        of_contract(problem, database, configuration)
    } else if let Some(problem) = find::<MigrateError>(error) {
        of_migration(problem, database, configuration)
    } else if let Some(problem) = find::<WorkerError>(error) {
        of_worker(problem, database, configuration)
    } else if let Some(problem) = find::<StoreError>(error) {
        Failure::new(format!("{error:#}"), None, fault(problem.is_infrastructure()))
    } else if let Some(problem) = find::<ContainerError>(error) {
        Failure::new(format!("{error:#}"), None, fault(problem.is_infrastructure()))
    } else {
        Failure::new(format!("{error:#}"), None, Exit::Infrastructure)
    };
    Some(failure)
}

/// A value that cannot be is told by the source that it came from.
fn of_config(problem: &ConfigError, configuration: &Configuration) -> Failure {
    let (text, next) = match problem {
        ConfigError::Missing { .. } => {
            let next = match &configuration.file {
                file @ FileState::Forbidden(_) => Some(file.to_string()),
                FileState::None | FileState::Read(_) => None,
            };
            (problem.to_string(), next)
        }
        ConfigError::Invalid { variable, problem: what } => {
            let name = variable.split(' ').next().unwrap_or(variable);
            (format!("{}: {what}", configuration.source_of(name).as_ref().unwrap_or(variable)), None)
        }
        ConfigError::Listed(text) => (text.clone(), None),
    };
    Failure::new(text, next, Exit::Usage)
}

fn fault(is_infrastructure: bool) -> Exit {
    if is_infrastructure { Exit::Infrastructure } else { Exit::Usage }
}

fn find<E: std::error::Error + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&E> {
    error.chain().find_map(|cause| cause.downcast_ref::<E>())
}

fn of_contract(
    error: &ContractError,
    database: Option<&DatabaseUrl>,
    configuration: &Configuration,
) -> Failure {
    let place = database.map_or_else(|| "(unknown)".to_owned(), DatabaseUrl::place);
    let variable = &configuration.name_of(database.map_or("DATABASE_URL", |database| database.variable));
    match error {
        ContractError::Unreachable(why) => Failure::new(
            format!("the control-plane database at {place} cannot be reached: {why}"),
            Some(format!("check that it runs and that {variable} names the right host, port and database")),
            Exit::Infrastructure,
        ),
        ContractError::NotPermitted(refusal) => Failure::new(
            said(refusal),
            refusal.hint.clone().or_else(|| {
                Some(format!(
                    "log in with a role that may (an operator is in ops_operator); {variable} says who you are"
                ))
            }),
            Exit::Usage,
        ),
        ContractError::NotFound(refusal)
        | ContractError::TransitionNotAllowed(refusal)
        | ContractError::BadArgument(refusal)
        | ContractError::Conflict(refusal)
        | ContractError::LimitReached(refusal) => {
            Failure::new(said(refusal), refusal.hint.clone(), Exit::Usage)
        }
        ContractError::ClaimLost(refusal) => {
            Failure::new(said(refusal), refusal.hint.clone(), Exit::Infrastructure)
        }
        ContractError::Database(refusal) => of_database(refusal, &place, variable),
    }
}

fn of_migration(
    error: &MigrateError,
    database: Option<&DatabaseUrl>,
    configuration: &Configuration,
) -> Failure {
    let exit = match error {
        MigrateError::Contract(error) => return of_contract(error, database, configuration),
        MigrateError::Busy { .. }
        | MigrateError::Locked { .. }
        | MigrateError::File { .. }
        | MigrateError::BadFile { .. } => Exit::Infrastructure,
        MigrateError::NewerSchema { .. }
        | MigrateError::Edited { .. }
        | MigrateError::Pooler { .. }
        | MigrateError::Dependent { .. }
        | MigrateError::InTheWay { .. }
        | MigrateError::NotPermitted { .. } => Exit::Usage,
    };
    Failure::new(error.to_string(), None, exit)
}

fn of_worker(error: &WorkerError, database: Option<&DatabaseUrl>, configuration: &Configuration) -> Failure {
    match error {
        WorkerError::Secret(_) | WorkerError::Setting(_) | WorkerError::Mismatch(_) => {
            Failure::new(error.to_string(), None, Exit::Usage)
        }
        WorkerError::Refused { error: cause, .. } => {
            Failure { what: error.to_string(), ..of_contract(cause, database, configuration) }
        }
    }
}

/// Answers that come from the state of the server and not from the contract.
fn of_database(refusal: &Refusal, place: &str, variable: &str) -> Failure {
    let next = match refusal.sqlstate.as_str() {
        "28000" | "28P01" => Some(format!("check user and password in {variable}")),
        "3D000" => Some(format!("make the database, or correct its name in {variable}")),
        "3F000" | "42883" | "42P01" | "42703" => {
            Some("the schema is missing or older than this program: run odooops migrate".to_owned())
        }
        _ => refusal.hint.clone(),
    };
    Failure::new(
        format!("the control-plane database at {place} answered: {}", said(refusal)),
        next,
        Exit::Infrastructure,
    )
}

fn said(refusal: &Refusal) -> String {
    match &refusal.detail {
        Some(detail) => format!("{} ({detail})", refusal.message),
        None => refusal.message.clone(),
    }
}

/// Tells a program what is wrong with its arguments.
pub(super) fn tell_usage(problem: &clap::Error) -> Exit {
    let text = first_paragraph(problem);
    let tip = problem.render().to_string().split("\n\n").nth(1).map(|tip| tip.trim().to_owned());
    say(&Failure::new(text, tip, Exit::Usage), Format::Json)
}

/// Tells it on stderr and says how the program ends.
pub(super) fn tell(
    error: &anyhow::Error,
    database: Option<&DatabaseUrl>,
    configuration: &Configuration,
    format: Format,
) -> Exit {
    match explain(error, database, configuration) {
        Some(failure) => say(&failure, format),
        None => Exit::Done,
    }
}

fn say(failure: &Failure, format: Format) -> Exit {
    let text = match format {
        Format::Human => written(failure),
        Format::Json => {
            json!({"error": failure.what, "next": failure.next, "exit_code": failure.exit.code()}).to_string()
        }
    };
    // Nobody is left to be told when stderr is gone; the exit code still says it.
    drop(writeln!(io::stderr(), "{text}"));
    failure.exit
}

fn written(failure: &Failure) -> String {
    match &failure.next {
        Some(next) => format!("error: {}\n  → {next}", failure.what),
        None => format!("error: {}", failure.what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> DatabaseUrl {
        DatabaseUrl { url: "postgres://me:hunter22@db.example:6432/ops".into(), variable: "DATABASE_URL" }
    }

    fn explained(error: ContractError) -> Failure {
        let error = anyhow::Error::new(error).context("reading runs");
        explain(&error, Some(&database()), &Configuration::default()).expect("a failure")
    }

    fn refusal(message: &str, sqlstate: &str) -> Refusal {
        Refusal { message: message.to_owned(), sqlstate: sqlstate.to_owned(), ..Refusal::default() }
    }

    #[test]
    fn an_unreachable_database_names_place_and_variable_but_not_the_password() {
        let failure = explained(ContractError::Unreachable("connection refused".to_owned()));
        let text = written(&failure);
        assert!(text.contains("db.example:6432/ops") && text.contains("DATABASE_URL"), "{text}");
        assert!(!text.contains("hunter22"), "{text}");
        assert_eq!(failure.exit, Exit::Infrastructure);
    }

    #[test]
    fn a_database_without_our_schema_says_to_migrate() {
        for sqlstate in ["3F000", "42883", "42P01"] {
            let failure = explained(ContractError::Database(refusal("no such thing", sqlstate)));
            assert!(written(&failure).contains("odooops migrate"), "{failure:?}");
        }
    }

    #[test]
    fn what_the_caller_can_mend_is_wrong_usage() {
        for error in [
            ContractError::NotFound(refusal("no project x", "OP001")),
            ContractError::BadArgument(refusal("p_priority is negative", "OP004")),
            ContractError::Conflict(refusal("taken", "OP005")),
            ContractError::NotPermitted(refusal("permission denied", "42501")),
        ] {
            assert_eq!(explained(error.clone()).exit, Exit::Usage, "{error:?}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let error = anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(explain(&error, None, &Configuration::default()), None);
    }

    #[test]
    fn an_error_of_nobody_in_particular_keeps_its_causes() {
        let error = anyhow::anyhow!("no space left").context("writing artifact.zip");
        let failure = explain(&error, None, &Configuration::default()).expect("a failure");
        assert_eq!(failure.what, "writing artifact.zip: no space left");
    }
}
