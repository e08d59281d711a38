//! What a worker says of itself: read by the HTTP endpoints, written by the worker's own tasks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::Metrics;

/// How long the heartbeat task may be silent at least before the worker counts as hung.
/// systemd kills it WatchdogSec= (30 s in the unit) after that.
const HUNG_AFTER_MIN: Duration = Duration::from_secs(90);
/// Heartbeats that may fail to come before the worker counts as hung, where they are seldom.
const HUNG_AFTER_HEARTBEATS: u32 = 3;

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
    phases: watch::Sender<Phase>,
    seen: watch::Receiver<Phase>,
    hung_after: Duration,
    metrics: Arc<Metrics>,
}

impl Status {
    pub(super) fn new(metrics: Arc<Metrics>, heartbeat_every: Duration) -> Self {
        let facts = Facts {
            phase: Phase::Starting,
            last_turn: Instant::now(),
            database: Err("not asked yet".to_owned()),
            engine: Err("not asked yet".to_owned()),
            excess_rights: Vec::new(),
        };
        let (phases, seen) = watch::channel(Phase::Starting);
        let hung_after = HUNG_AFTER_MIN.max(heartbeat_every * HUNG_AFTER_HEARTBEATS);
        Self { facts: Arc::new(Mutex::new(facts)), phases, seen, hung_after, metrics }
    }

    /// Where the worker is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.read(|facts| facts.phase)
    }

    /// Returns when the phase is another than when this handle was last asked.
    pub async fn phase_changed(&mut self) {
        // This handle keeps the sender, so that the channel cannot close.
        drop(self.seen.changed().await);
    }

    /// Nothing when the worker's tasks turn, else what hangs. Never depends on the database or the engine:
    /// a restart would mend neither.
    #[must_use]
    pub fn hung(&self) -> Option<String> {
        self.hung_when_silent(self.read(|facts| facts.last_turn.elapsed()))
    }

    fn hung_when_silent(&self, silent: Duration) -> Option<String> {
        (silent > self.hung_after).then(|| format!("no heartbeat round for {} s", silent.as_secs()))
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
        self.phases.send_replace(phase);
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
        let status = Status::new(Arc::new(Metrics::new()), Duration::from_secs(10));
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
        let status = Status::new(Arc::new(Metrics::new()), Duration::from_secs(10));
        status.set_database(Err("connection refused".to_owned()));
        assert_eq!(status.hung(), None);
    }

    #[test]
    fn a_heartbeat_that_does_not_turn_is_a_worker_that_hangs() {
        let when_silent = |heartbeat_secs, silent_secs| {
            Status::new(Arc::new(Metrics::new()), Duration::from_secs(heartbeat_secs))
                .hung_when_silent(Duration::from_secs(silent_secs))
        };
        assert!(when_silent(10, 91).is_some_and(|cause| cause.contains("91 s")));
        assert_eq!(when_silent(10, 89), None);
        assert_eq!(when_silent(1200, 3000), None);
        assert!(when_silent(1200, 3601).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_another_phase_is_told() {
        let status = Status::new(Arc::new(Metrics::new()), Duration::from_secs(10));
        let mut waiting = status.clone();
        status.set_phase(Phase::Serving);
        tokio::time::timeout(Duration::from_secs(5), waiting.phase_changed()).await.expect("told");
        assert_eq!(waiting.phase(), Phase::Serving);
    }
}
