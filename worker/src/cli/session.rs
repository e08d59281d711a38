//! What most commands need: the contract, the answer's way out, and the store where one is set.

use anyhow::Context as _;

use super::Cli;
use super::failure::Refused;
use super::output::Output;
use super::which::WhichRun;
use crate::config::StoreConfig;
use crate::contract::{Contract, DatabaseSettings, RunId, RunOverview};
use crate::store::Store;

/// Connections that one command uses at most.
const CONNECTIONS_MAX: usize = 2;

/// One command's connections.
pub(super) struct Session {
    /// The control plane.
    pub(super) contract: Contract,
    /// Stdout.
    pub(super) output: Output,
    store: StoreConfig,
}

impl Session {
    /// Connects and checks that the database speaks this program's contract.
    pub(super) async fn open(cli: &Cli) -> anyhow::Result<Self> {
        let settings = DatabaseSettings {
            application_name: "odooops-cli".to_owned(),
            max_connections: CONNECTIONS_MAX,
            ..DatabaseSettings::new(cli.database.url()?.url)
        };
        let (contract, _) = Contract::connect(&settings).await?;
        Ok(Self { contract, output: Output::new(&cli.output), store: cli.store.clone() })
    }

    /// The artifact store.
    pub(super) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(self.store.url()?).await?)
    }

    /// The id of a run however it was named.
    pub(super) async fn find_run(&self, which: &WhichRun) -> anyhow::Result<RunId> {
        match which {
            WhichRun::Id { first, last } if first == last => Ok(RunId(*first)),
            WhichRun::Id { first, last } => {
                let found = self.contract.run_ids_between(RunId(*first), RunId(*last), 2).await?;
                match found.as_slice() {
                    [only] => Ok(*only),
                    [] => Err(no_run("no run's id begins like that").into()),
                    [_, ..] => Err(no_run("more than one run's id begins like that: give more of it").into()),
                }
            }
            WhichRun::Number { project, number } => {
                if let Some(found) = self.contract.run_id_by_number(project, *number).await? {
                    return Ok(found);
                }
                let unknown = self.unknown_project(project).await?;
                Err(unknown
                    .unwrap_or_else(|| no_run(format!("project {project} has no run {number}")))
                    .into())
            }
        }
    }

    /// A run's line in the overview.
    pub(super) async fn run(&self, id: RunId) -> anyhow::Result<RunOverview> {
        Ok(self.contract.run(id).await?.ok_or_else(|| no_run(format!("there is no run {id}")))?)
    }

    /// What to say when there is no such project; `None` when there is.
    pub(super) async fn unknown_project(&self, slug: &str) -> anyhow::Result<Option<Refused>> {
        let projects = self.contract.project_overview().await.context("looking for projects")?;
        if projects.iter().any(|project| project.slug == slug) {
            return Ok(None);
        }
        let known: Vec<&str> = projects.iter().map(|project| project.slug.as_str()).collect();
        let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
        let next = format!("projects: {known}; make one with: odooops project create {slug} --repo URL");
        Ok(Some(Refused::usage(format!("there is no project {slug}"), next)))
    }
}

fn no_run(what: impl Into<String>) -> Refused {
    Refused::usage(what, "look for it with: odooops run list")
}
