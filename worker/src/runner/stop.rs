//! Why work is being stopped: a token that fires once and remembers its cause.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// What stopped a run or a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopCause {
    /// Somebody asked for the run to be canceled.
    Canceled,
    /// The run or the step passed its time limit.
    TimedOut,
    /// The lease ended or was given to another worker: nothing more may be written for this attempt.
    LeaseLost,
    /// This worker shuts down: the run goes back to the queue.
    Shutdown,
}

/// A stop signal; a child fires with its parent, a parent never with its child.
#[derive(Debug, Clone)]
pub struct StopSignal {
    token: CancellationToken,
    cause: Arc<OnceLock<StopCause>>,
    lost: CancellationToken,
    shutdown: CancellationToken,
    parent: Option<Box<StopSignal>>,
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

impl StopSignal {
    /// A signal of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            token: CancellationToken::new(),
            cause: Arc::new(OnceLock::new()),
            lost: CancellationToken::new(),
            shutdown: CancellationToken::new(),
            parent: None,
        }
    }

    /// A signal that also fires when this one does.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            token: self.token.child_token(),
            cause: Arc::new(OnceLock::new()),
            lost: self.lost.clone(),
            shutdown: self.shutdown.child_token(),
            parent: Some(Box::new(self.clone())),
        }
    }

    /// Fires; the first cause stays, save that a lost lease outranks every other.
    pub fn fire(&self, cause: StopCause) {
        // The cause is set before the token fires, so that whoever wakes up finds it.
        let _first_wins = self.cause.set(cause);
        if cause == StopCause::LeaseLost {
            self.lost.cancel();
        }
        if cause == StopCause::Shutdown {
            self.shutdown.cancel();
        }
        self.token.cancel();
    }

    /// The cause, once it has fired.
    #[must_use]
    pub fn cause(&self) -> Option<StopCause> {
        if self.lost.is_cancelled() {
            return Some(StopCause::LeaseLost);
        }
        let above = || self.parent.as_ref().and_then(|parent| parent.cause());
        self.cause.get().copied().or_else(above)
    }

    /// Waits until the lease is lost; other causes leave it waiting.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Fires when the worker shuts down, whatever the first cause was.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Fires when this does; for those who need no cause.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Waits until it fires and says why.
    pub async fn fired(&self) -> StopCause {
        self.token.cancelled().await;
        self.cause().unwrap_or(StopCause::Shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_stays_unless_the_lease_is_lost() {
        let stop = StopSignal::new();
        stop.fire(StopCause::Canceled);
        stop.fire(StopCause::Shutdown);
        assert_eq!(stop.cause(), Some(StopCause::Canceled));
        assert!(stop.shutdown().is_cancelled(), "who is in a hurry knows it nevertheless");
        stop.fire(StopCause::LeaseLost);
        assert_eq!(stop.cause(), Some(StopCause::LeaseLost));
    }

    #[test]
    fn a_child_fires_with_its_parent_and_never_the_other_way() {
        let run = StopSignal::new();
        let step = run.child();
        let other = run.child();
        step.fire(StopCause::TimedOut);
        assert_eq!((run.cause(), other.cause()), (None, None));
        run.fire(StopCause::Shutdown);
        assert_eq!(step.cause(), Some(StopCause::TimedOut));
        assert_eq!(other.cause(), Some(StopCause::Shutdown));
        assert!(other.token().is_cancelled());
    }

    #[test]
    fn a_lost_lease_outranks_the_timeout_of_a_step() {
        let run = StopSignal::new();
        let step = run.child();
        step.fire(StopCause::TimedOut);
        run.fire(StopCause::LeaseLost);
        assert_eq!(step.cause(), Some(StopCause::LeaseLost));
    }
}
