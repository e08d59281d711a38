//! `odooops worker drain WORKER`.

use clap::Args;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::failure::Refused;
use crate::cli::session::Session;
use crate::contract::ContractError;

/// Which worker.
#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Name of the worker, as `worker list` shows it.
    worker: String,
}

pub(super) async fn execute(args: &DrainArgs, session: &mut Session) -> anyhow::Result<Exit> {
    match session.contract.drain_worker(&args.worker).await {
        Ok(()) => {}
        Err(ContractError::NotFound(_)) => {
            let known: Vec<String> =
                session.contract.worker_overview().await?.into_iter().map(|worker| worker.id).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            let what = format!("there is no worker {}", args.worker);
            return Err(Refused::usage(what, format!("workers: {known}")).into());
        }
        Err(error) => return Err(error.into()),
    }
    session.output.answer(&json!({"worker": args.worker, "drain_requested": true}), |_| {
        format!("{} takes nothing new from its next heartbeat on", args.worker)
    })?;
    Ok(Exit::Done)
}
