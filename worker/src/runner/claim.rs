//! Claiming: as many runs as there are free slots, when something wakes us or it is time to look.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::contract::ClaimedRun;
use crate::contract::listen::{Health, Listener, Wake};

use super::heartbeat::lease_end;
use super::kit::{Fitness, Kit};
use super::lease::Lease;
use super::persist::spread;
use super::run::live;

/// What is due by now and could not be had is not asked for again at once.
const NEXT_LOOK_AFTER: Duration = Duration::from_millis(50);

/// Claims runs and owns the tasks in which they live.
pub(super) struct Claimer {
    kit: Arc<Kit>,
    listener: Listener,
    wakes: broadcast::Receiver<Wake>,
    health: watch::Receiver<Health>,
    next_due: watch::Sender<Option<Instant>>,
    /// When we claimed last: what was due before is of no interest any more.
    asked: Instant,
    runs: JoinSet<()>,
}

impl Claimer {
    pub(super) fn new(kit: Arc<Kit>, listener: Listener, next_due: watch::Sender<Option<Instant>>) -> Self {
        let (wakes, health) = (listener.wakes(), listener.health());
        Self { kit, listener, wakes, health, next_due, asked: Instant::now(), runs: JoinSet::new() }
    }

    /// Claims until `drain` or `stop_now` fires.
    pub(super) async fn claim_until(&mut self, drain: &CancellationToken, stop_now: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => return,
                () = self.fit_with_a_free_slot() => {}
            }
            // A drain does not break a claim off: what it brings would be lost for a lease.
            let came = tokio::select! {
                biased;
                () = stop_now.cancelled() => return,
                came = self.claim() => came,
            };
            if came == Came::LessThanAsked {
                tokio::select! {
                    () = drain.cancelled() => return,
                    () = self.reason_to_look() => {}
                }
            }
        }
    }

    /// Waits until every run has ended.
    pub(super) async fn all_ended(&mut self) {
        while let Some(ended) = self.runs.join_next().await {
            report(ended);
        }
    }

    /// Ends the listener.
    pub(super) async fn stop_listening(self) {
        self.listener.stop().await;
    }

    async fn fit_with_a_free_slot(&mut self) {
        let kit = Arc::clone(&self.kit);
        let mut fitness = kit.fitness.subscribe();
        loop {
            while let Some(ended) = self.runs.try_join_next() {
                report(ended);
            }
            let fit = *fitness.borrow_and_update() == Fitness::Fit;
            if fit && self.runs.len() < kit.settings.slots {
                return;
            }
            tokio::select! {
                // The sender lives in the kit.
                _changed = fitness.changed() => {}
                Some(ended) = self.runs.join_next() => report(ended),
            }
        }
    }

    async fn claim(&mut self) -> Came {
        self.asked = Instant::now();
        let kit = &self.kit;
        let free = kit.settings.slots.saturating_sub(self.runs.len());
        let limit = i32::try_from(free).unwrap_or(i32::MAX);
        let claimed = match kit.contract.claim_runs(&kit.settings.worker_id, limit, kit.lease_secs()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "cannot claim");
                return Came::LessThanAsked;
            }
        };
        let came = if claimed.len() < free { Came::LessThanAsked } else { Came::AllAsked };
        // First: no other call may stand between a claimed run and its heartbeats.
        for run in claimed {
            self.take(run, lease_end(self.asked, self.kit.settings.lease_secs));
        }
        if came == Came::LessThanAsked {
            self.learn_next_due().await;
        }
        came
    }

    /// Notifications tell of what becomes claimable by somebody's doing; by time alone we must wake ourselves.
    async fn learn_next_due(&self) {
        let asked = Instant::now();
        match self.kit.contract.next_due_in_ms().await {
            Ok(due) => {
                let due = due.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
                self.next_due.send_replace(due.map(|due| asked + due.max(NEXT_LOOK_AFTER)));
            }
            Err(error) => tracing::debug!(%error, "when the next run becomes due is not known"),
        }
    }

    fn take(&mut self, run: ClaimedRun, ends: Instant) {
        let kit = Arc::clone(&self.kit);
        kit.metrics.claims.inc();
        tracing::info!(run_id = %run.id, project = run.project_slug, number = run.run_number, attempt = run.attempt, "claimed");
        let lease = Lease::new(run.id, run.attempt, run.claim_token, ends);
        kit.leases.add(lease.clone());
        kit.metrics.running.inc();
        self.runs.spawn(async move {
            let held = Held { kit, lease };
            live(&held.kit, run, &held.lease).await;
        });
    }

    /// Returns when there may be something to claim.
    async fn reason_to_look(&mut self) {
        let polling = self.kit.settings.polling;
        let listening = *self.health.borrow_and_update() == Health::Healthy;
        self.kit.metrics.listening.set(i64::from(listening));
        let mut next_due = self.next_due.subscribe();
        let poll = Instant::now() + if listening { polling.listening } else { spread(polling.deaf) };
        loop {
            let due = next_due.borrow_and_update().filter(|due| *due > self.asked);
            tokio::select! {
                () = tokio::time::sleep_until(due.unwrap_or(poll).min(poll)) => return,
                // The sender lives in ourselves.
                _changed = next_due.changed() => {}
                Some(ended) = self.runs.join_next() => {
                    report(ended);
                    return;
                }
                () = changed(&mut self.health) => return,
                () = queued(&mut self.wakes) => return,
            }
        }
    }
}

/// Returns when LISTEN became healthy or ceased to be; never when there is no listener.
async fn changed(health: &mut watch::Receiver<Health>) {
    if health.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns when something became claimable, as far as notifications tell.
async fn queued(wakes: &mut broadcast::Receiver<Wake>) {
    loop {
        match wakes.recv().await {
            Ok(Wake::Queued) | Err(RecvError::Lagged(_)) => return,
            Ok(Wake::Control) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What a claim brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// There may be more.
    AllAsked,
    /// The queue has no more for us now.
    LessThanAsked,
}

/// A lease in our books, taken out of them whatever becomes of the run's task.
struct Held {
    kit: Arc<Kit>,
    lease: Lease,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.kit.leases.remove(&self.lease);
        self.kit.metrics.running.dec();
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a run's task failed; its lease will end and the run be given to another worker");
    }
}
