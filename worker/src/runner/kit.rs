//! What all runs of a worker share.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::container::{Containers, Labels};
use crate::contract::{Contract, RunId};
use crate::store::Store;

use super::lease::Leases;
use super::metrics::Metrics;
use super::redact::Redactor;
use super::settings::WorkerSettings;
use super::status::Status;

/// How long after a run's time limit its leftovers are certainly of no use to anybody.
const LABELS_OUTLIVE_RUN_SECS: i64 = 3600;

/// Whether runs can be executed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fitness {
    /// Engine and disk are fine.
    Fit,
    /// What is wrong; nothing is claimed until it is mended.
    Sick(String),
}

/// Settings, edges and bookkeeping of one worker.
pub(super) struct Kit {
    pub(super) settings: WorkerSettings,
    pub(super) contract: Contract,
    pub(super) engine: Arc<dyn Containers>,
    pub(super) store: Store,
    pub(super) redactor: Arc<Redactor>,
    pub(super) leases: Leases,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Status,
    /// The control plane that we work for; known from the first contact on.
    pub(super) instance: Uuid,
    pub(super) fitness: watch::Sender<Fitness>,
    /// Look at the engine now: a run has just seen it fail.
    pub(super) engine_suspect: Notify,
    /// Look for leftovers now: a worker was lost, and it may have worked on this engine.
    pub(super) worker_lost: Notify,
    /// Heartbeat now: somebody has asked for a cancel or a drain.
    pub(super) control: Notify,
}

impl Kit {
    /// Labels for whatever an attempt creates.
    pub(super) fn labels(&self, run_id: RunId, attempt: i32, limit_secs: u64) -> Labels {
        let limit_secs = i64::try_from(limit_secs).unwrap_or(i64::MAX / 2);
        Labels {
            instance: self.instance,
            run_id: run_id.0,
            attempt,
            worker: self.settings.worker_id.clone(),
            expires_unix_secs: jiff::Timestamp::now()
                .as_second()
                .saturating_add(limit_secs)
                .saturating_add(LABELS_OUTLIVE_RUN_SECS),
        }
    }

    pub(super) fn lease_secs(&self) -> i32 {
        i32::try_from(self.settings.lease_secs).unwrap_or(i32::MAX)
    }
}
