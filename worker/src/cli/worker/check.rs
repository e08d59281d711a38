//! `odooops worker --check`: would a worker with these settings work here? `--check-first`: and then start.

use std::time::Duration;

use serde::Serialize;
use tracing::{error, info};

use super::start;
use crate::cli::output::{Look, Output};
use crate::cli::{Cli, Exit};
use crate::config::WorkerConfig;
use crate::container::Containers as _;
use crate::contract::{Contract, DatabaseSettings};
use crate::runner::redact::Redactor;
use crate::store::Store;

/// Clocks that are further apart do not do: log lines would be dated before their run was queued. Stores
/// and certificates bear more (S3 refuses a signature at 15 minutes).
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);

/// What was tried.
#[derive(Debug, Serialize)]
struct Checked {
    what: &'static str,
    found: Option<String>,
    problem: Option<String>,
}

impl Checked {
    fn new(what: &'static str, outcome: anyhow::Result<String>) -> Self {
        match outcome {
            Ok(found) => Self { what, found: Some(found), problem: None },
            Err(problem) => Self { what, found: None, problem: Some(format!("{problem:#}")) },
        }
    }
}

/// Tries and answers on stdout.
pub(super) async fn execute(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Exit> {
    let checked = examine(config, cli).await?;
    Output::new(&cli.output).answer(&checked, |look| human(&checked, look))?;
    Ok(if all_good(&checked) { Exit::Done } else { Exit::RunFailed })
}

/// Tries and says it in the worker's log; `None` when a worker may start.
pub(super) async fn refusal(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Option<Exit>> {
    let checked = examine(config, cli).await?;
    for Checked { what, found, problem } in &checked {
        match problem {
            Some(problem) => error!(check = what, "failed: {problem}"),
            None => info!(check = what, "good: {}", found.as_deref().unwrap_or_default()),
        }
    }
    Ok((!all_good(&checked)).then_some(Exit::RunFailed))
}

fn all_good(checked: &[Checked]) -> bool {
    checked.iter().all(|checked| checked.problem.is_none())
}

/// Wrong settings are an error; everything else is tried to its end, so that all problems are said at once.
async fn examine(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Vec<Checked>> {
    let settings = start::worker_settings(config, cli)?;
    let secrets: Vec<_> = settings.secrets.into_iter().collect();
    Redactor::new(&secrets)?;
    let database = start::database_settings(config, cli, settings.slots)?;
    Ok(vec![
        Checked::new("database", contract(&database).await),
        Checked::new("rights", rights(&database).await),
        Checked::new("clock", clock(&database).await),
        Checked::new("store", store(cli).await),
        Checked::new("container engine", engine(config).await),
    ])
}

async fn contract(database: &DatabaseSettings) -> anyhow::Result<String> {
    let (_, info) = Contract::connect(database).await?;
    Ok(format!("contract version {}, instance {}", info.version, info.instance_id))
}

async fn rights(database: &DatabaseSettings) -> anyhow::Result<String> {
    let rights = Contract::new(database)?.rights_beyond_worker().await?;
    if rights.is_empty() {
        return Ok("no more than a worker needs".to_owned());
    }
    anyhow::bail!(
        "more than a worker needs: {}; give ODOOOPS_WORKER_DATABASE_URL a login in ops_worker only",
        rights.join(", ")
    )
}

async fn clock(database: &DatabaseSettings) -> anyhow::Result<String> {
    let skew = Contract::new(database)?.clock_skew().await?;
    let apart = skew.ahead.unsigned_abs().as_secs_f64();
    if skew.certain() <= CLOCK_SKEW_MAX {
        return Ok(format!("{apart:.3} s from the database's, ± {:.3} s", skew.uncertainty.as_secs_f64()));
    }
    let which = if skew.ahead.is_negative() { "behind" } else { "ahead of" };
    anyhow::bail!(
        "the database's clock is {apart:.1} s {which} this machine's, {} s are allowed; have both set by NTP \
         (timedatectl set-ntp true)",
        CLOCK_SKEW_MAX.as_secs()
    )
}

async fn store(cli: &Cli) -> anyhow::Result<String> {
    let url = cli.store.url()?;
    Store::open(url).await?.check().await?;
    Ok(format!("{url} is written and read"))
}

async fn engine(config: &WorkerConfig) -> anyhow::Result<String> {
    let engine = start::docker(config)?.engine().await?;
    Ok(format!("version {}, API {}", engine.version, engine.api_version))
}

fn human(checked: &[Checked], look: Look) -> String {
    let row = |checked: &Checked| {
        let (verdict, text) = match (&checked.problem, &checked.found) {
            (Some(problem), _) => ("failed", problem.clone()),
            (None, found) => ("good", found.clone().unwrap_or_default()),
        };
        [checked.what.to_owned(), verdict.to_owned(), text]
    };
    look.table(&["CHECK", "VERDICT", "DETAIL"], checked.iter().map(row), "")
}
