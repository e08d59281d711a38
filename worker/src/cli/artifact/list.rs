//! `odooops artifact list RUN`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::human::bytes;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::Artifact;

/// Which run.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
}

pub(super) async fn execute(args: &ListArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let id = session.find_run(&args.run).await?;
    let run = session.run(id).await?;
    let artifacts = session.contract.run_artifacts(id).await?;
    session.output.answer(&artifacts, |look| {
        let none = format!("{}#{} has no artifacts", run.project, run.run_number);
        look.table(&["ARTIFACT", "SIZE", "TYPE", "SHA-256", "URL"], artifacts.iter().map(row), &none)
    })?;
    Ok(Exit::Done)
}

fn row(artifact: &Artifact) -> [String; 5] {
    [
        artifact.artifact_key.clone(),
        bytes(artifact.size_bytes),
        artifact.content_type.clone().unwrap_or_default(),
        artifact.sha256.as_deref().map(|hex| hex.chars().take(12).collect()).unwrap_or_default(),
        artifact.s3_url.clone(),
    ]
}
