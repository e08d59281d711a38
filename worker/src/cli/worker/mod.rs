//! `odooops worker`: starts one; with a verb, looks after those there are.

mod check;
mod drain;
mod health;
mod list;
mod start;

use clap::{Args, Subcommand};

use super::session::Session;
use super::{Cli, Exit};
use crate::config::WorkerConfig;

/// Without a verb a worker is started with these flags.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WorkerCommand {
    /// What to do instead of starting one.
    #[command(subcommand)]
    verb: Option<WorkerVerb>,
    /// Start nothing; try database, rights, clock, store and container engine (20 s each at most), and end with 2 where a setting is wrong, with 1 where something else does not do.
    #[arg(long)]
    check: bool,
    /// Try the same first, and start only where all of it does.
    #[arg(long, conflicts_with = "check")]
    check_first: bool,
    /// Flags of the worker that is started.
    #[command(flatten)]
    pub start: WorkerConfig,
}

/// What can be done with workers.
#[derive(Debug, Subcommand)]
enum WorkerVerb {
    /// List the workers.
    List,
    /// Ask a worker to finish what it has and to take nothing new.
    Drain(drain::DrainArgs),
    /// Ask the worker on this machine for its health; ends with 0 or 1 (no) or 3 (nobody answers).
    Health(health::HealthArgs),
}

impl WorkerCommand {
    /// Whether this call is a worker.
    #[must_use]
    pub fn starts_one(&self) -> bool {
        self.verb.is_none()
    }
}

pub(super) async fn execute(command: &WorkerCommand, cli: &Cli) -> anyhow::Result<Exit> {
    match &command.verb {
        None if command.check => check::execute(&command.start, cli).await,
        None => {
            if command.check_first
                && let Some(exit) = check::refusal(&command.start, cli).await?
            {
                return Ok(exit);
            }
            start::execute(&command.start, cli).await
        }
        Some(WorkerVerb::List) => list::execute(&mut Session::open(cli).await?).await,
        Some(WorkerVerb::Drain(args)) => drain::execute(args, &mut Session::open(cli).await?).await,
        Some(WorkerVerb::Health(args)) => health::execute(args, &command.start, cli).await,
    }
}
