//! `odooops worker`: maps the settings and keeps the worker until a signal ends it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::action::OdooSettings;
use crate::cli::{Cli, Exit};
use crate::config::{GitConfig, GitProtocol, WakeUp, WorkerConfig};
use crate::container::RegistryAuth;
use crate::container::docker::{Docker, DockerSettings};
use crate::contract::listen::Listener;
use crate::contract::{Contract, DatabaseSettings};
use crate::git::{Git, GitSettings, Protocol};
use crate::runner::{Edges, Polling, Shutdown, Sweeping, Worker, WorkerSettings};
use crate::server;
use crate::store::Store;

/// Connections that a slot needs at the same time: its log, its steps, and the claim beside them.
const CONNECTIONS_PER_SLOT: usize = 2;
/// Connections for heartbeats, the janitor and claims.
const CONNECTIONS_OF_WORKER: usize = 4;

pub(super) async fn execute(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<Exit> {
    let settings = worker_settings(config, cli)?;
    let database = database_settings(config, cli, settings.slots)?;
    let edges = Edges {
        contract: Contract::new(&database)?,
        listener: match config.wake_up {
            WakeUp::Listen => Listener::start(database),
            WakeUp::Poll => Listener::off(),
        },
        containers: Arc::new(docker(config)?),
        store: Store::open(cli.store.url()?).await?,
    };
    let worker = Worker::new(settings, edges)?;
    let ended = CancellationToken::new();
    let health = health_listener(config)
        .await?
        .map(|listener| tokio::spawn(server::serve(listener, worker.status(), ended.clone())));
    let systemd = tokio::spawn(server::systemd::report(worker.status(), ended.clone()));
    let outcome = run_until_signalled(worker).await;
    ended.cancel();
    systemd.await.context("reporting to systemd")?;
    if let Some(health) = health {
        health.await.context("serving health checks")??;
    }
    outcome.map(|()| Exit::Done)
}

/// Where health is served. An address that was asked for must be free; of several workers on one machine
/// that were told nothing, the first has the usual one.
async fn health_listener(config: &WorkerConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(addr) = config.health_addr()? else { return Ok(None) };
    match server::bind(addr).await {
        Ok(listener) => Ok(Some(listener)),
        Err(problem) if addr == server::DEFAULT_ADDR => {
            warn!(
                "no health endpoints and metrics (ODOOOPS_WORKER_HEALTH_ADDR gives them another address): {problem:#}"
            );
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

/// The first SIGTERM or SIGINT drains, the second stops now.
async fn run_until_signalled(worker: Worker) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    let mut terminate = listen_for(SignalKind::terminate())?;
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let mut running = std::pin::pin!(worker.run(shutdown.clone()));
    loop {
        tokio::select! {
            ended = &mut running => return Ok(ended?),
            Some(()) = terminate.recv() => shutdown.signal(),
            Some(()) = interrupt.recv() => shutdown.signal(),
        }
    }
}

/// The container engine; nothing is connected yet.
pub(super) fn docker(config: &WorkerConfig) -> anyhow::Result<Docker> {
    Ok(Docker::new(&DockerSettings {
        host: config.docker_host().map(str::to_owned),
        cert_dir: config.docker_cert_path(),
        ..DockerSettings::default()
    })?)
}

fn listen_for(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("listening for signals")
}

/// The control plane as this worker reaches it.
pub(super) fn database_settings(
    config: &WorkerConfig,
    cli: &Cli,
    slots: usize,
) -> anyhow::Result<DatabaseSettings> {
    let url = config.database_url(&cli.database)?;
    Ok(DatabaseSettings {
        application_name: format!("odooops-worker {}", config.worker_id()?),
        max_connections: CONNECTIONS_OF_WORKER + slots * CONNECTIONS_PER_SLOT,
        ..DatabaseSettings::new(url.url)
    })
}

/// Everything that a worker is told; wrong settings are refused here.
pub(super) fn worker_settings(config: &WorkerConfig, cli: &Cli) -> anyhow::Result<WorkerSettings> {
    let logins = config.registry_logins()?;
    let registry_auth: BTreeMap<String, RegistryAuth> = logins
        .into_iter()
        .map(|(host, login)| (host, RegistryAuth { username: login.username, password: login.password }))
        .collect();
    Ok(WorkerSettings {
        worker_id: config.worker_id()?,
        labels: config.labels().into_iter().collect(),
        slots: usize::from(config.slots),
        host: config.host(),
        lease_secs: config.lease_secs,
        heartbeat_every: Duration::from_secs(u64::from(config.lease_secs)) / 3,
        drain_timeout: Duration::from_secs(config.drain_timeout_secs),
        cancel_grace: Duration::from_secs(config.cancel_grace_secs),
        run_timeout: Duration::from_secs(config.run_timeout_secs),
        polling: Polling::default(),
        sweeping: Sweeping::default(),
        log_limit_bytes: config.log_bytes_max,
        allowed_networks: config.networks(),
        secrets: config.secrets.collect()?,
        redact_also: config.passwords(&config.database_url(&cli.database)?),
        registry_auth,
        odoo: OdooSettings {
            database_url: config.odoo.database_url()?,
            image: config.odoo.image(),
            data_dir: config.odoo.data_dir()?,
            ca_bundle: config.odoo.ca_bundle()?,
            pip_index_url: config.odoo.pip_index_url()?,
        },
        git: git(&config.git, config.odoo.ca_bundle()?),
    })
}

fn git(config: &GitConfig, ca_bundle: Option<PathBuf>) -> Git {
    let protocol = |protocol: &GitProtocol| match protocol {
        GitProtocol::Https => Protocol::Https,
        GitProtocol::Http => Protocol::Http,
        GitProtocol::Ssh => Protocol::Ssh,
        GitProtocol::File => Protocol::File,
    };
    Git::new(GitSettings {
        protocols: config.git_protocols.iter().map(protocol).collect(),
        ca_bundle,
        proxy: config.git_proxy.clone().filter(|proxy| !proxy.is_empty()),
        ssh_key: config.git_ssh_key.clone().filter(|path| path.as_path() != Path::new("")),
        ssh_known_hosts: config.git_ssh_known_hosts.clone().filter(|path| path.as_path() != Path::new("")),
        ..GitSettings::default()
    })
}
