//! `odooops workflow list`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::session::Session;
use crate::contract::Workflow;

/// Which workflows.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those that this project can use: its own and the built-in ones.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

pub(super) async fn execute(args: &ListArgs, session: &mut Session) -> anyhow::Result<Exit> {
    if let Some(project) = &args.project
        && let Some(refused) = session.unknown_project(project).await?
    {
        return Err(refused.into());
    }
    let workflows = session.contract.workflows(args.project.as_deref()).await?;
    session.output.answer(&workflows, |look| {
        look.table(
            &["PROJECT", "WORKFLOW", "KIND", "VERSION", "STEPS"],
            workflows.iter().map(row),
            "no workflows; the built-in ones come with: odooops migrate",
        )
    })?;
    Ok(Exit::Done)
}

fn row(workflow: &Workflow) -> [String; 5] {
    let steps = workflow.definition.get("steps").and_then(|steps| steps.as_array());
    [
        workflow.project.clone().unwrap_or_else(|| "(built-in)".to_owned()),
        workflow.name.clone(),
        workflow.kind.clone(),
        workflow.version.to_string(),
        steps.map_or(0, Vec::len).to_string(),
    ]
}
