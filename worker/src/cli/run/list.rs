//! `odooops run list`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::cli::Exit;
use crate::cli::human::{ago, between};
use crate::cli::session::Session;
use crate::contract::{RunFilter, RunOverview, RunStatus};

/// Which runs.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only runs of this project.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Only runs of this workflow (its name).
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// Only runs in this state.
    #[arg(long, value_name = "STATUS", value_parser = status_parser())]
    status: Option<RunStatus>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "N")]
    limit: i64,
}

fn status_parser() -> impl clap::builder::TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.iter().map(|status| status.as_str()))
        .try_map(|word| word.parse::<RunStatus>())
}

pub(super) async fn execute(args: &ListArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let filter =
        RunFilter { project: args.project.clone(), workflow: args.workflow.clone(), status: args.status };
    let runs = session.contract.run_overview(&filter, args.limit).await?;
    if let (Some(project), true) = (&args.project, runs.is_empty())
        && let Some(refused) = session.unknown_project(project).await?
    {
        return Err(refused.into());
    }
    session.output.answer(&runs, |look| {
        look.table(
            &["RUN", "WORKFLOW", "STATUS", "ATTEMPT", "QUEUED", "TOOK", "WHY", "ID"],
            runs.iter().map(row),
            "no runs; queue one with: odooops run enqueue PROJECT WORKFLOW",
        )
    })?;
    Ok(Exit::Done)
}

fn row(run: &RunOverview) -> [String; 8] {
    [
        format!("{}#{}", run.project, run.run_number),
        run.workflow.clone(),
        run.status.to_string(),
        run.attempt.to_string(),
        ago(Some(run.created_at)),
        between(run.started_at, run.finished_at),
        run.failure_reason.map(|reason| reason.to_string()).unwrap_or_default(),
        run.id.to_string(),
    ]
}
