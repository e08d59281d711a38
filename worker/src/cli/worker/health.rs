//! `odooops worker health`: for health checks of container engines.

use clap::Args;
use serde_json::json;

use crate::cli::failure::Refused;
use crate::cli::output::Output;
use crate::cli::{Cli, Exit};
use crate::config::WorkerConfig;
use crate::server::probe::{self, Question};

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Ask whether it would claim a run now, not only whether its tasks turn.
    #[arg(long)]
    ready: bool,
}

pub(super) async fn execute(args: &HealthArgs, config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Exit> {
    let Some(addr) = config.health_addr()? else {
        let what = "the worker tells nobody of its health: ODOOOPS_WORKER_HEALTH_ADDR is empty";
        return Err(Refused::usage(what, "give it an address, e.g. 127.0.0.1:9187").into());
    };
    let said = probe::ask(addr, if args.ready { Question::Ready } else { Question::Alive }).await?;
    Output::new(&cli.output)
        .answer(&json!({"healthy": said.yes, "said": said.text}), |_| said.text.clone())?;
    Ok(if said.yes { Exit::Done } else { Exit::RunFailed })
}
