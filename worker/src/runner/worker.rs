//! The worker: proves that it may work, registers, claims as many runs as it has slots, drains, ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::container::Containers;
use crate::contract::listen::Listener;
use crate::contract::{Contract, ContractError, ContractInfo, ContractMismatch, Registration};
use crate::store::Store;

use super::claim::Claimer;
use super::fitness::watch_fitness;
use super::heartbeat::Heart;
use super::janitor;
use super::kit::{Fitness, Kit};
use super::lease::Leases;
use super::metrics::Metrics;
use super::persist::spread;
use super::redact::{MIN_SECRET_BYTES, RedactError, Redactor};
use super::run::stop_limit;
use super::settings::WorkerSettings;
use super::shutdown::Shutdown;
use super::status::{Phase, Status};
use super::stop::StopCause;

/// Between two tries to reach the database before the worker is registered.
const START_RETRY: Duration = Duration::from_secs(2);
/// How long uploads that were broken off may take to be taken back at the store.
const STORE_SETTLE: Duration = Duration::from_secs(10);

/// Why a worker does not start or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A secret cannot be kept out of logs.
    #[error(transparent)]
    Secret(#[from] RedactError),
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The database and this binary do not speak the same contract.
    #[error(transparent)]
    Mismatch(#[from] ContractMismatch),
    /// The database refuses this worker.
    #[error("worker {worker_id} cannot be registered: {error}")]
    Refused {
        /// Our id.
        worker_id: String,
        /// What the database said.
        error: Box<ContractError>,
    },
}

/// The edges of a worker: everything outside this process.
pub struct Edges {
    /// The control-plane database.
    pub contract: Contract,
    /// Wake-ups; [`Listener::off`] where only polling is possible.
    pub listener: Listener,
    /// The container engine.
    pub containers: Arc<dyn Containers>,
    /// The object store.
    pub store: Store,
}

/// A worker that was not started yet.
pub struct Worker {
    settings: WorkerSettings,
    edges: Edges,
    redactor: Redactor,
    metrics: Arc<Metrics>,
    status: Status,
}

impl Worker {
    /// Checks the settings; talks to nobody.
    ///
    /// # Errors
    /// [`WorkerError::Secret`] names a secret that is too short, [`WorkerError::Setting`] a setting.
    pub fn new(settings: WorkerSettings, edges: Edges) -> Result<Self, WorkerError> {
        if settings.slots == 0 {
            return Err(WorkerError::Setting(
                "a worker needs at least one slot (ODOOOPS_WORKER_SLOTS)".to_owned(),
            ));
        }
        if settings.heartbeat_every * 2 > Duration::from_secs(u64::from(settings.lease_secs)) {
            return Err(WorkerError::Setting(format!(
                "a lease of {} s is too short for a heartbeat every {} s; a lease needs two at least",
                settings.lease_secs,
                settings.heartbeat_every.as_secs()
            )));
        }
        let mut secrets: Vec<_> = settings.secrets.clone().into_iter().collect();
        // The password of a configured URL may be a default that many have (`odoo`): masking every such
        // word would hide the log, refusing it would stop a set-up that works. So it is said.
        let (redactable, too_short): (Vec<_>, Vec<_>) = settings
            .redact_also
            .iter()
            .cloned()
            .partition(|(_, value)| value.expose_secret().len() >= MIN_SECRET_BYTES);
        for (name, _) in too_short {
            tracing::warn!(
                "the {name} is shorter than {MIN_SECRET_BYTES} characters and is not kept out of logs"
            );
        }
        secrets.extend(redactable);
        secrets.extend(
            settings
                .registry_auth
                .iter()
                .map(|(host, auth)| (format!("password for registry {host}"), auth.password.clone())),
        );
        let redactor = Redactor::new(&secrets)?;
        let metrics = Arc::new(Metrics::new());
        let status = Status::new(Arc::clone(&metrics), settings.heartbeat_every);
        Ok(Self { settings, edges, redactor, metrics, status })
    }

    /// A handle on the worker's state, for the HTTP endpoints.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Works until `shutdown` asks for the end. A database or an engine that is away is waited for.
    ///
    /// # Errors
    /// When the database refuses this worker or speaks another contract.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), WorkerError> {
        let status = self.status.clone();
        let outcome = self.work(shutdown).await;
        status.set_phase(Phase::Stopped);
        outcome
    }

    async fn work(self, shutdown: Shutdown) -> Result<(), WorkerError> {
        let starting = async {
            let info = self.first_contact().await?;
            self.register().await?;
            self.warn_of_rights().await;
            Ok::<_, WorkerError>(info)
        };
        let info = tokio::select! {
            info = starting => info?,
            () = shutdown.drain.cancelled() => return Ok(()),
        };
        let Self { settings, edges, redactor, metrics, status } = self;
        metrics.slots.set(i64::try_from(settings.slots).unwrap_or(i64::MAX));
        let kit = Arc::new(Kit {
            settings,
            contract: edges.contract,
            engine: edges.containers,
            store: edges.store,
            redactor: Arc::new(redactor),
            leases: Leases::default(),
            metrics,
            status,
            instance: info.instance_id,
            fitness: watch::Sender::new(Fitness::Sick("the engine was not asked yet".to_owned())),
            engine_suspect: Notify::new(),
            worker_lost: Notify::new(),
            control: Notify::new(),
        });
        serve(kit, edges.listener, shutdown).await;
        Ok(())
    }

    /// Waits for the database and compares contract versions.
    async fn first_contact(&self) -> Result<ContractInfo, WorkerError> {
        loop {
            match self.edges.contract.contract_info().await {
                Ok(info) => {
                    info.check()?;
                    return Ok(info);
                }
                Err(error) if error.is_transient() => self.wait_for_database(&error).await,
                Err(error) => return Err(self.refused(error)),
            }
        }
    }

    async fn register(&self) -> Result<(), WorkerError> {
        let settings = &self.settings;
        let registration = Registration {
            labels: settings.labels.clone(),
            slots: i32::try_from(settings.slots).unwrap_or(i32::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: settings.host.clone(),
            info: self.describe().await,
        };
        loop {
            match self.edges.contract.register_worker(&settings.worker_id, &registration).await {
                Ok(worker) => {
                    tracing::info!(worker_id = worker.id, labels = ?worker.labels, slots = worker.slots, "registered");
                    return Ok(());
                }
                Err(error) if error.is_transient() => self.wait_for_database(&error).await,
                Err(error) => return Err(self.refused(error)),
            }
        }
    }

    /// A worker that may do more than a worker must is worth a warning: it runs other people's code.
    async fn warn_of_rights(&self) {
        match self.edges.contract.rights_beyond_worker().await {
            Ok(excess) => {
                if !excess.is_empty() {
                    tracing::warn!(
                        "the worker's database login has more rights than a worker needs: {}; give it a role that is in ops_worker only",
                        excess.join(", ")
                    );
                }
                self.status.set_excess_rights(excess);
            }
            Err(error) => {
                tracing::warn!(%error, "the rights of the worker's database login cannot be looked at")
            }
        }
    }

    /// What helps an operator to know of this machine.
    async fn describe(&self) -> serde_json::Value {
        match self.edges.containers.engine().await {
            Ok(engine) => serde_json::json!({
                "engine": { "version": engine.version, "api_version": engine.api_version },
            }),
            Err(error) => serde_json::json!({ "engine": { "problem": error.to_string() } }),
        }
    }

    async fn wait_for_database(&self, error: &ContractError) {
        tracing::warn!(%error, "cannot start yet; trying again");
        self.status.set_database(Err(error.to_string()));
        self.status.turned();
        tokio::time::sleep(spread(START_RETRY)).await;
    }

    fn refused(&self, error: ContractError) -> WorkerError {
        WorkerError::Refused { worker_id: self.settings.worker_id.clone(), error: Box::new(error) }
    }
}

/// All tasks of a registered worker, until it has drained or was stopped.
async fn serve(kit: Arc<Kit>, listener: Listener, shutdown: Shutdown) {
    let ending = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let next_due = watch::Sender::new(None::<Instant>);
    let heart = Heart {
        kit: Arc::clone(&kit),
        drain: shutdown.drain.clone(),
        next_due: next_due.clone(),
        wakes: listener.wakes(),
    };
    tasks.spawn(heart.beat(ending.clone()));
    tasks.spawn(watch_fitness(Arc::clone(&kit), ending.clone()));
    tasks.spawn(janitor::reap_lost_runs(Arc::clone(&kit), ending.clone()));
    tasks.spawn(janitor::remove_leftovers(Arc::clone(&kit), ending.clone()));

    kit.status.set_phase(Phase::Serving);
    let mut claimer = Claimer::new(Arc::clone(&kit), listener, next_due);
    claimer.claim_until(&shutdown.drain, &shutdown.stop_now).await;

    kit.status.set_phase(Phase::Draining);
    tracing::info!(runs = kit.leases.count(), "draining: no new runs");
    kit.control.notify_one();
    drain(&kit, &mut claimer, &shutdown).await;
    ending.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a task of the worker failed");
        }
    }
    kit.store.settle(STORE_SETTLE).await;
    claimer.stop_listening().await;
}

/// Waits for the runs; stops them when the drain time is over or a second signal came.
async fn drain(kit: &Arc<Kit>, claimer: &mut Claimer, shutdown: &Shutdown) {
    let out_of_patience = async {
        tokio::select! {
            () = shutdown.stop_now.cancelled() => {}
            () = tokio::time::sleep(kit.settings.drain_timeout) => {}
        }
    };
    let mut out_of_patience = pin!(out_of_patience);
    tokio::select! {
        () = claimer.all_ended() => return,
        () = &mut out_of_patience => {}
    }
    for lease in kit.leases.all() {
        tracing::info!(run_id = %lease.run_id, "giving the run back to the queue");
        lease.stop.fire(StopCause::Shutdown);
    }
    // Beyond it their leases end by themselves.
    let limit = stop_limit(kit.settings.cancel_grace);
    if tokio::time::timeout(limit, claimer.all_ended()).await.is_err() {
        tracing::error!(runs = kit.leases.count(), "runs did not stop in time; their leases will end");
    }
}
