//! `odooops run cancel RUN`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::RunStatus;

/// Which run, and why.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
    /// Why, for those who look at the run later.
    #[arg(long, default_value = "canceled from the command line", value_name = "TEXT")]
    reason: String,
}

pub(super) async fn execute(args: &CancelArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let id = session.find_run(&args.run).await?;
    let state = session.contract.cancel_run(id, &args.reason).await?;
    session.output.answer(&state, |_| match state.status {
        RunStatus::Claimed | RunStatus::Running => {
            format!("{id} is asked to stop; follow it: odooops run logs -f {id}")
        }
        RunStatus::Queued | RunStatus::Succeeded | RunStatus::Failed | RunStatus::Canceled => {
            format!("{id} is {}", state.status)
        }
    })?;
    Ok(Exit::Done)
}
