//! `odooops workflow show NAME`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::failure::Refused;
use crate::cli::session::Session;

/// Which workflow.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of the workflow.
    name: String,
    /// Of this project (its own comes before a built-in one); built-in ones only when unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

pub(super) async fn execute(args: &ShowArgs, session: &mut Session) -> anyhow::Result<Exit> {
    if let Some(project) = &args.project
        && let Some(refused) = session.unknown_project(project).await?
    {
        return Err(refused.into());
    }
    let Some(workflow) = session.contract.workflow(args.project.as_deref(), &args.name).await? else {
        let what = match &args.project {
            Some(project) => format!("project {project} has no workflow {}", args.name),
            None => format!("there is no built-in workflow {}; name its project with --project", args.name),
        };
        return Err(Refused::usage(what, "see what there is: odooops workflow list").into());
    };
    let definition = serde_json::to_string_pretty(&workflow.definition)?;
    session.output.answer(&workflow, |look| {
        let facts = look.facts(&[
            ("workflow", workflow.name.clone()),
            ("project", workflow.project.clone().unwrap_or_else(|| "(built-in)".to_owned())),
            ("kind", workflow.kind.clone()),
            ("version", workflow.version.to_string()),
        ]);
        format!("{facts}\n\n{definition}")
    })?;
    Ok(Exit::Done)
}
