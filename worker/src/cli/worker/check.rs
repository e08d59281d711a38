//! `odooops worker --check`: would a worker with these settings work here?

use serde::Serialize;

use super::start;
use crate::cli::output::{Look, Output};
use crate::cli::{Cli, Exit};
use crate::config::WorkerConfig;
use crate::container::Containers as _;
use crate::contract::{Contract, DatabaseSettings};
use crate::runner::redact::Redactor;
use crate::store::Store;

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

pub(super) async fn execute(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Exit> {
    let settings = start::worker_settings(config, cli)?;
    let secrets: Vec<_> = settings.secrets.into_iter().collect();
    Redactor::new(&secrets)?;
    let database = start::database_settings(config, cli, settings.slots)?;
    let checked = [
        Checked::new("database", contract(&database).await),
        Checked::new("rights", rights(&database).await),
        Checked::new("store", store(cli).await),
        Checked::new("container engine", engine(config).await),
    ];
    Output::new(&cli.output).answer(&checked, |look| human(&checked, look))?;
    let all_good = checked.iter().all(|checked| checked.problem.is_none());
    Ok(if all_good { Exit::Done } else { Exit::RunFailed })
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
