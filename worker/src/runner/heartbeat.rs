//! The heartbeat: one call renews all leases and brings back what was lost, canceled or drained. It is a
//! task of its own and goes on while the worker drains.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::contract::listen::Wake;
use crate::contract::{ContractError, WorkerHeartbeat, WorkerState};

use super::kit::{Fitness, Kit};
use super::lease::Lease;
use super::persist::spread;
use super::status::Phase;
use super::stop::StopCause;

/// Between two tries while the database does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the goodbye may take.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);

/// The heart of one worker.
pub(super) struct Heart {
    pub(super) kit: Arc<Kit>,
    /// Fired when an operator asks this worker to drain.
    pub(super) drain: CancellationToken,
    /// When the next run becomes claimable by time alone, as the database said last.
    pub(super) next_due: watch::Sender<Option<Instant>>,
    /// Notifications of cancel and drain requests.
    pub(super) wakes: broadcast::Receiver<Wake>,
}

/// A lease ends for us this much earlier than for the database, so that its containers are gone in time.
pub(super) fn fence_margin(lease: Duration) -> Duration {
    lease / 6
}

/// When a lease that was asked for at `asked` ends for us.
pub(super) fn lease_end(asked: Instant, lease_secs: u32) -> Instant {
    let lease = Duration::from_secs(u64::from(lease_secs));
    asked + lease - fence_margin(lease)
}

impl Heart {
    /// Beats until `stop` fires, then says goodbye.
    pub(super) async fn beat(mut self, stop: CancellationToken) {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.kit.control.notified() => {}
                () = asked_for_control(&mut self.wakes) => {}
                () = tokio::time::sleep(pause) => {}
            }
            // At the end nothing is held any more: an answer that does not come is not waited for as long as else.
            let answer = tokio::select! {
                biased;
                answer = self.round() => answer,
                () = async { stop.cancelled().await; tokio::time::sleep(FAREWELL_LIMIT).await } => break,
            };
            pause = match answer {
                Ok(()) => self.kit.settings.heartbeat_every,
                Err(error) => {
                    self.kit.metrics.heartbeats_failed.inc();
                    tracing::warn!(%error, "heartbeat failed");
                    self.kit.status.set_database(Err(error.to_string()));
                    spread(RETRY_AFTER)
                }
            };
            self.kit.status.turned();
        }
        self.farewell().await;
    }

    async fn round(&self) -> Result<(), ContractError> {
        let leases = self.kit.leases.all();
        let asked = Instant::now();
        let (state, reason) = self.state(leases.len());
        let answer = self.call(state, reason.as_deref(), &leases).await?;
        self.kit.status.set_database(Ok(()));
        self.heed(&answer, &leases, lease_end(asked, self.kit.settings.lease_secs));
        let due = answer.next_due_in_ms.and_then(|ms| u64::try_from(ms).ok());
        self.next_due.send_replace(due.map(|ms| asked + Duration::from_millis(ms)));
        Ok(())
    }

    /// One call; an answer that would come after the lease is of no use, so it is not waited for.
    async fn call(
        &self,
        state: WorkerState,
        reason: Option<&str>,
        leases: &[Lease],
    ) -> Result<WorkerHeartbeat, ContractError> {
        let kit = &self.kit;
        let held: Vec<_> = leases.iter().map(|lease| (lease.run_id, lease.token)).collect();
        let limit = Duration::from_secs(u64::from(kit.settings.lease_secs)) / 3;
        let call =
            kit.contract.heartbeat_worker(&kit.settings.worker_id, state, reason, &held, kit.lease_secs());
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_elapsed| {
            Err(ContractError::Unreachable(format!("no answer to a heartbeat within {} s", limit.as_secs())))
        })
    }

    fn heed(&self, answer: &WorkerHeartbeat, leases: &[Lease], ends: Instant) {
        for told in &answer.runs {
            let Some(lease) = leases.iter().find(|lease| lease.run_id == told.run_id) else { continue };
            if told.lost && lease.is_concluding() {
                continue;
            }
            if told.lost {
                tracing::warn!(run_id = %told.run_id, "the lease was lost; the run is stopped");
                lease.stop.fire(StopCause::LeaseLost);
                continue;
            }
            lease.renew(ends);
            if told.cancel_requested {
                lease.stop.fire(StopCause::Canceled);
            }
        }
        if answer.drain_requested && !self.drain.is_cancelled() {
            tracing::info!("an operator asked this worker to drain");
            self.drain.cancel();
        }
    }

    fn state(&self, held: usize) -> (WorkerState, Option<String>) {
        if self.kit.status.phase() == Phase::Draining {
            return (WorkerState::Draining, None);
        }
        match &*self.kit.fitness.borrow() {
            Fitness::Sick(cause) => (WorkerState::Sick, Some(cause.clone())),
            Fitness::Fit if held >= self.kit.settings.slots => (WorkerState::Busy, None),
            Fitness::Fit => (WorkerState::Available, None),
        }
    }

    async fn farewell(&self) {
        let call = self.call(WorkerState::Offline, Some("the worker has ended"), &[]);
        match tokio::time::timeout(FAREWELL_LIMIT, call).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the database did not hear that this worker ends"),
            Err(_elapsed) => tracing::warn!("the database did not hear in time that this worker ends"),
        }
    }
}

/// Returns when there is a cancel or drain request, as far as notifications tell.
async fn asked_for_control(wakes: &mut broadcast::Receiver<Wake>) {
    loop {
        match wakes.recv().await {
            Ok(Wake::Control) | Err(RecvError::Lagged(_)) => return,
            Ok(Wake::Queued) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_here_before_it_ends_in_the_database() {
        let asked = Instant::now();
        assert_eq!(lease_end(asked, 30) - asked, Duration::from_secs(25));
    }
}
