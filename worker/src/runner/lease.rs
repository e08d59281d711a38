//! Which runs this worker holds and until when; a lease that is not renewed in time ends itself here,
//! before the database gives the run to somebody else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::contract::{ClaimToken, RunId};

use super::stop::{StopCause, StopSignal};

/// A claimed run as the worker holds it.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) run_id: RunId,
    pub(super) attempt: i32,
    pub(super) token: ClaimToken,
    pub(super) stop: StopSignal,
    ends: watch::Sender<Instant>,
    concluding: Arc<AtomicBool>,
}

impl Lease {
    pub(super) fn new(run_id: RunId, attempt: i32, token: ClaimToken, ends: Instant) -> Self {
        Self {
            run_id,
            attempt,
            token,
            stop: StopSignal::new(),
            ends: watch::Sender::new(ends),
            concluding: Arc::default(),
        }
    }

    /// Moves the end, never backwards.
    pub(super) fn renew(&self, ends: Instant) {
        self.ends.send_if_modified(|present| {
            let later = ends > *present;
            if later {
                *present = ends;
            }
            later
        });
    }

    /// The run's end is being written: from now on a lease that is no longer known to the database is
    /// most likely one that has ended well, and the call under way will tell.
    pub(super) fn conclude(&self) {
        self.concluding.store(true, Ordering::Release);
    }

    pub(super) fn is_concluding(&self) -> bool {
        self.concluding.load(Ordering::Acquire)
    }

    /// Fires the stop signal as soon as the lease ends without having been renewed. Never returns before that.
    pub(super) async fn fence(&self) {
        let mut ends = self.ends.subscribe();
        loop {
            let end = *ends.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(end) => {
                    if *ends.borrow() <= Instant::now() {
                        self.stop.fire(StopCause::LeaseLost);
                        return;
                    }
                }
                // The sender lives in `self`, so this is a renewal and never the end.
                _renewed = ends.changed() => {}
            }
        }
    }
}

/// All leases of a worker; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases {
    by_run: Arc<Mutex<HashMap<RunId, Lease>>>,
}

impl Leases {
    pub(super) fn add(&self, lease: Lease) {
        self.lock().insert(lease.run_id, lease);
    }

    /// Forgets a lease; one that has been replaced by a later attempt stays.
    pub(super) fn remove(&self, lease: &Lease) {
        let mut held = self.lock();
        if held.get(&lease.run_id).is_some_and(|present| present.token == lease.token) {
            held.remove(&lease.run_id);
        }
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether this very attempt is in our hands.
    pub(super) fn holds(&self, run_id: RunId, attempt: i32) -> bool {
        self.lock().get(&run_id).is_some_and(|lease| lease.attempt == attempt)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Lease>> {
        self.by_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn lease(millis: u64) -> Lease {
        let ends = Instant::now() + Duration::from_millis(millis);
        Lease::new(RunId(Uuid::from_u128(1)), 1, ClaimToken(Uuid::from_u128(2)), ends)
    }

    #[tokio::test]
    async fn a_lease_that_is_not_renewed_stops_its_run_when_it_ends() {
        let lease = lease(30);
        let begun = Instant::now();
        lease.fence().await;
        assert_eq!(lease.stop.cause(), Some(StopCause::LeaseLost));
        assert!(begun.elapsed() >= Duration::from_millis(29));
    }

    #[tokio::test]
    async fn a_renewed_lease_ends_later() {
        let lease = lease(50);
        let begun = Instant::now();
        let renewing = async { lease.renew(begun + Duration::from_millis(150)) };
        tokio::join!(lease.fence(), renewing);
        assert!(begun.elapsed() >= Duration::from_millis(150));
    }

    #[tokio::test]
    async fn an_answer_that_comes_late_never_shortens_a_lease() {
        let lease = lease(60);
        let begun = Instant::now();
        lease.renew(begun + Duration::from_millis(1));
        lease.fence().await;
        assert!(begun.elapsed() >= Duration::from_millis(55));
    }

    #[test]
    fn a_later_attempt_is_not_forgotten_with_the_earlier() {
        let leases = Leases::default();
        let (first, second) =
            (lease(1), Lease { token: ClaimToken(Uuid::from_u128(3)), attempt: 2, ..lease(1) });
        leases.add(first.clone());
        leases.add(second);
        leases.remove(&first);
        assert!(leases.holds(RunId(Uuid::from_u128(1)), 2));
        assert_eq!(leases.count(), 1);
    }
}
