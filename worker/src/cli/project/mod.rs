//! `odooops project …`.

mod create;
mod list;

use clap::Subcommand;

use super::Exit;
use super::session::Session;

/// What can be done with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project.
    Create(create::CreateArgs),
    /// List the projects.
    List,
}

pub(super) async fn execute(command: &ProjectCommand, session: &mut Session) -> anyhow::Result<Exit> {
    match command {
        ProjectCommand::Create(args) => create::execute(args, session).await,
        ProjectCommand::List => list::execute(session).await,
    }
}
