//! `odooops artifact url RUN KEY`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;

/// S3's own limit: a week.
const EXPIRES_SECS_MAX: u64 = 7 * 24 * 3600;

/// Which artifact, and for how long.
#[derive(Debug, Args)]
pub struct UrlArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
    /// The artifact's key, as `artifact list` shows it.
    key: String,
    /// Seconds for which the URL works.
    #[arg(
        long,
        default_value_t = 3600,
        value_parser = clap::value_parser!(u64).range(1..=EXPIRES_SECS_MAX),
        value_name = "SECS"
    )]
    expires_secs: u64,
}

pub(super) async fn execute(args: &UrlArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let artifact = super::find(session, &args.run, &args.key).await?;
    let store = session.store().await?;
    let url = store.presign(&artifact.s3_url, Duration::from_secs(args.expires_secs)).await?;
    let answer = json!({"url": url, "expires_secs": args.expires_secs, "artifact": artifact});
    session.output.answer(&answer, |_| url.clone())?;
    Ok(Exit::Done)
}
