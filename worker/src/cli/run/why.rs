//! `odooops run why RUN`.

use clap::Args;

use crate::cli::Exit;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;

/// Which run.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
}

pub(super) async fn execute(args: &WhyArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let id = session.find_run(&args.run).await?;
    let run = session.run(id).await?;
    let causes = session.contract.explain_wait(id).await?;
    session.output.answer(&causes, |look| {
        let nothing = format!("{}#{} does not wait: it is {}", run.project, run.run_number, run.status);
        look.table(
            &["CAUSE", "DETAIL"],
            causes.iter().map(|cause| [cause.cause.clone(), cause.detail.clone()]),
            &nothing,
        )
    })?;
    Ok(Exit::Done)
}
