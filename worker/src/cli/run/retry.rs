//! `odooops run retry RUN`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::follow;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;

/// Which run, and from where.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
    /// Begin with this step; the outputs of the earlier ones must be stored.
    #[arg(long, value_name = "STEP")]
    from_step: Option<String>,
    /// Follow the log and end with the new run's exit code.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn execute(args: &RetryArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let id = session.find_run(&args.run).await?;
    let queued = session.contract.retry_run(id, args.from_step.as_deref()).await?;
    let overview = session.run(queued.id).await?;
    if args.wait {
        return follow::to_the_end(session, overview).await;
    }
    session.output.answer(&overview, |_| {
        format!("{}#{} {} {}", overview.project, overview.run_number, overview.id, overview.status)
    })?;
    Ok(Exit::Done)
}
