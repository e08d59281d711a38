//! `odooops workflow …`.

mod check;
mod list;
mod put;
mod show;

use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::failure::Refused;
use super::session::Session;
use super::{Cli, Exit};

/// What can be done with workflows.
#[derive(Debug, Subcommand)]
pub enum WorkflowCommand {
    /// Store a definition as a project's workflow; a change makes a new version.
    Put(put::PutArgs),
    /// List workflows, the built-in ones first.
    List(list::ListArgs),
    /// Print a workflow's definition.
    Show(show::ShowArgs),
    /// Judge definitions without a database.
    Check(check::CheckArgs),
}

pub(super) async fn execute(command: &WorkflowCommand, cli: &Cli) -> anyhow::Result<Exit> {
    match command {
        WorkflowCommand::Put(args) => put::execute(args, cli).await,
        WorkflowCommand::List(args) => list::execute(args, &mut Session::open(cli).await?).await,
        WorkflowCommand::Show(args) => show::execute(args, &mut Session::open(cli).await?).await,
        WorkflowCommand::Check(args) => check::execute(args, cli),
    }
}

/// Longest definition that is read; those that people write have some kilobytes.
const DEFINITION_BYTES_MAX: u64 = 1024 * 1024;

/// The JSON of a file, or of stdin for `-`.
fn read_definition(path: &Path) -> Result<Value, Refused> {
    let refused = |problem: String| {
        Refused::usage(
            format!("{}: {problem}", path.display()),
            "docs/workflow-format.md describes the format",
        )
    };
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(DEFINITION_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(DEFINITION_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|problem| refused(problem.to_string()))?;
    serde_json::from_str(&text).map_err(|problem| refused(format!("is no JSON: {problem}")))
}

/// What is wrong with a definition, with the path of the key.
fn problem_of(definition: &Value) -> Option<String> {
    crate::workflow::parse(definition).err().map(|problem| problem.to_string())
}
