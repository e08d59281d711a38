//! `odooops run logs RUN`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::follow::{self, Selection};
use crate::cli::session::Session;
use crate::cli::which::WhichRun;

/// Which lines.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
    /// Go on with new lines until the run has ended.
    #[arg(short, long)]
    follow: bool,
    /// Only lines of this attempt.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    attempt: Option<i32>,
    /// Only lines from this number on (of the given attempt, else of the latest).
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    since_seq: Option<i64>,
}

pub(super) async fn execute(args: &LogsArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let run = session.find_run(&args.run).await?;
    let run = session.run(run).await?;
    let selection = match (args.attempt, args.since_seq) {
        (None, None) => Selection::All,
        (Some(attempt), since) => Selection::Attempt { attempt, since_seq: since.unwrap_or(0) },
        (None, Some(since_seq)) => Selection::From { attempt: run.attempt, since_seq },
    };
    if args.follow {
        follow::lines_to_the_end(session, run, selection).await?;
    } else {
        follow::lines_so_far(session, &run, selection).await?;
    }
    Ok(Exit::Done)
}
