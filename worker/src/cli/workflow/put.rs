//! `odooops workflow put PROJECT NAME FILE`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Refused;
use crate::cli::session::Session;
use crate::cli::{Cli, Exit};
use crate::contract::ContractError;

/// What to store, and as what.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Slug of the project.
    project: String,
    /// Name of the workflow.
    name: String,
    /// JSON file; `-` for stdin.
    file: PathBuf,
}

pub(super) async fn execute(args: &PutArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let definition = super::read_definition(&args.file)?;
    if let Some(problem) = super::problem_of(&definition) {
        let what = format!("{}: {problem}", args.file.display());
        return Err(Refused::usage(what, "correct that key; docs/workflow-format.md describes each").into());
    }
    let mut session = Session::open(cli).await?;
    let stored = match session.contract.put_workflow(&args.project, &args.name, &definition, None).await {
        Ok(stored) => stored,
        Err(error @ ContractError::NotFound(_)) => {
            return match session.unknown_project(&args.project).await? {
                Some(refused) => Err(refused.into()),
                None => Err(error.into()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    session.output.answer(&stored, |_| {
        format!("{} of {} is version {} now", stored.name, args.project, stored.version)
    })?;
    Ok(Exit::Done)
}
