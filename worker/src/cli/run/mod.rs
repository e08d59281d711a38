//! `odooops run …`.

mod cancel;
mod enqueue;
mod list;
mod logs;
mod retry;
mod show;
mod why;

use clap::Subcommand;

use super::Exit;
use super::session::Session;

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// Queue a run of a workflow.
    Enqueue(Box<enqueue::EnqueueArgs>),
    /// List runs, the newest first.
    List(list::ListArgs),
    /// Show one run: state, attempts, steps, artifacts, events.
    Show(show::ShowArgs),
    /// Print a run's log.
    Logs(logs::LogsArgs),
    /// Cancel a run: at once while it is queued, else by asking its worker.
    Cancel(cancel::CancelArgs),
    /// Queue a run that has ended once more, as a new run.
    Retry(retry::RetryArgs),
    /// Say why a run waits.
    Why(why::WhyArgs),
}

pub(super) async fn execute(command: &RunCommand, session: &mut Session) -> anyhow::Result<Exit> {
    match command {
        RunCommand::Enqueue(args) => enqueue::execute(args, session).await,
        RunCommand::List(args) => list::execute(args, session).await,
        RunCommand::Show(args) => show::execute(args, session).await,
        RunCommand::Logs(args) => logs::execute(args, session).await,
        RunCommand::Cancel(args) => cancel::execute(args, session).await,
        RunCommand::Retry(args) => retry::execute(args, session).await,
        RunCommand::Why(args) => why::execute(args, session).await,
    }
}
