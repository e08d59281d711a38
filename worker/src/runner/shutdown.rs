//! How a worker is asked to end: first drain, then stop now.

use tokio_util::sync::CancellationToken;

/// The two requests that end a worker; the command line fires them on the first and second SIGTERM.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new claims; what runs may finish within the drain time.
    pub drain: CancellationToken,
    /// Runs are stopped and given back to the queue at once.
    pub stop_now: CancellationToken,
}

impl Shutdown {
    /// A shutdown that nobody asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a signal means: the first drains, every later one stops now.
    pub fn signal(&self) {
        if self.drain.is_cancelled() {
            self.stop_now.cancel();
        } else {
            self.drain.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_drains_and_the_second_stops() {
        let shutdown = Shutdown::new();
        shutdown.signal();
        assert!(shutdown.drain.is_cancelled() && !shutdown.stop_now.is_cancelled());
        shutdown.signal();
        assert!(shutdown.stop_now.is_cancelled());
    }
}
