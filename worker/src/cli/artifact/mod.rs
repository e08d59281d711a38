//! `odooops artifact …`.

mod get;
mod list;
mod url;

use clap::Subcommand;

use super::Exit;
use super::failure::Refused;
use super::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::Artifact;

/// What can be done with artifacts.
#[derive(Debug, Subcommand)]
pub enum ArtifactCommand {
    /// List a run's artifacts.
    List(list::ListArgs),
    /// Fetch one, checking its size and checksum.
    Get(get::GetArgs),
    /// Print a URL from which it can be fetched for a while without keys.
    Url(url::UrlArgs),
}

pub(super) async fn execute(command: &ArtifactCommand, session: &mut Session) -> anyhow::Result<Exit> {
    match command {
        ArtifactCommand::List(args) => list::execute(args, session).await,
        ArtifactCommand::Get(args) => get::execute(args, session).await,
        ArtifactCommand::Url(args) => url::execute(args, session).await,
    }
}

/// The artifact with that key, or which keys there are.
async fn find(session: &Session, which: &WhichRun, key: &str) -> anyhow::Result<Artifact> {
    let id = session.find_run(which).await?;
    let run = session.run(id).await?;
    let artifacts = session.contract.run_artifacts(id).await?;
    let keys: Vec<String> = artifacts.iter().map(|artifact| artifact.artifact_key.clone()).collect();
    artifacts.into_iter().find(|artifact| artifact.artifact_key == key).ok_or_else(|| {
        let known = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        let what = format!("run {}#{} has no artifact {key}", run.project, run.run_number);
        Refused::usage(what, format!("its artifacts: {known}")).into()
    })
}
