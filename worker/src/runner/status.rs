//! What a worker says of itself: read by the HTTP endpoints, written by the worker's own tasks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::metrics::Metrics;

/// How long the heartbeat task may be silent before the worker counts as hung.
const HUNG_AFTER: Duration = Duration::from_secs(120);

/// Phase of a worker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not registered yet: waits for the database or the engine.
    Starting,
    /// Claims and runs.
    Serving,
    /// Claims nothing more and finishes what runs.
    Draining,
    /// Ended.
    Stopped,
}

#[derive(Debug)]
struct Facts {
    phase: Phase,
    last_turn: Instant,
    database: Result<(), String>,
    engine: Result<(), String>,
    excess_rights: Vec<String>,
}

/// A handle on a worker's state; cheap to clone.
#[derive(Clone)]
pub struct Status {
    facts: Arc<Mutex<Facts>>,
    metrics: Arc<Metrics>,
}

impl Status {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let facts = Facts {
            phase: Phase::Starting,
            last_turn: Instant::now(),
            database: Err("not asked yet".to_owned()),
            engine: Err("not asked yet".to_owned()),
            excess_rights: Vec::new(),
        };
        Self { facts: Arc::new(Mutex::new(facts)), metrics }
    }

    /// Where the worker is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.read(|facts| facts.phase)
    }

    /// Nothing when the worker's tasks turn, else what hangs. Never depends on the database or the engine:
    /// a restart would mend neither.
    #[must_use]
    pub fn hung(&self) -> Option<String> {
        let silent = self.read(|facts| facts.last_turn.elapsed());
        (silent > HUNG_AFTER).then(|| format!("no heartbeat round for {} s", silent.as_secs()))
    }

    /// Why no run would be claimed now; empty when the worker is ready.
    #[must_use]
    pub fn not_ready(&self) -> Vec<String> {
        self.read(|facts| {
            let mut causes = Vec::new();
            match facts.phase {
                Phase::Serving => {}
                Phase::Starting => causes.push("the worker is starting".to_owned()),
                Phase::Draining => causes.push("the worker drains".to_owned()),
                Phase::Stopped => causes.push("the worker has stopped".to_owned()),
            }
            causes.extend(facts.database.as_ref().err().map(|cause| format!("database: {cause}")));
            causes.extend(facts.engine.as_ref().err().map(|cause| format!("container engine: {cause}")));
            causes
        })
    }

    /// What the worker's database login may do beyond a worker's needs; known once it is registered.
    #[must_use]
    pub fn excess_rights(&self) -> Vec<String> {
        self.read(|facts| facts.excess_rights.clone())
    }

    /// The metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn metrics_text(&self) -> Result<String, std::fmt::Error> {
        self.metrics.encode()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.write(|facts| facts.phase = phase);
    }

    pub(super) fn turned(&self) {
        self.write(|facts| facts.last_turn = Instant::now());
    }

    pub(super) fn set_excess_rights(&self, excess: Vec<String>) {
        self.write(|facts| facts.excess_rights = excess);
    }

    pub(super) fn set_database(&self, state: Result<(), String>) {
        self.write(|facts| facts.database = state);
    }

    pub(super) fn set_engine(&self, state: Result<(), String>) {
        self.write(|facts| facts.engine = state);
    }

    fn read<T>(&self, look: impl FnOnce(&Facts) -> T) -> T {
        look(&self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_only_when_it_serves_and_both_edges_answer() {
        let status = Status::new(Arc::new(Metrics::new()));
        status.set_phase(Phase::Serving);
        status.set_database(Ok(()));
        assert_eq!(status.not_ready(), ["container engine: not asked yet"]);
        status.set_engine(Ok(()));
        assert!(status.not_ready().is_empty());
        status.set_phase(Phase::Draining);
        assert_eq!(status.not_ready(), ["the worker drains"]);
    }

    #[test]
    fn a_dead_database_does_not_make_a_worker_hung() {
        let status = Status::new(Arc::new(Metrics::new()));
        status.set_database(Err("connection refused".to_owned()));
        assert_eq!(status.hung(), None);
    }
}
