//! What a worker counts, for `/metrics`.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// How a run ended for this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RunEnd {
    Succeeded,
    User,
    Timeout,
    Invalid,
    Canceled,
    Infra,
    Released,
    Lost,
}

impl RunEnd {
    /// The value of the label `outcome`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::User => "user",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::Canceled => "canceled",
            Self::Infra => "infra",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabel {
    outcome: &'static str,
}

/// All metrics of one worker, with the registry that prints them.
pub struct Metrics {
    registry: Registry,
    pub(super) slots: Gauge,
    pub(super) running: Gauge,
    pub(super) claims: Counter,
    ended: Family<EndLabel, Counter>,
    pub(super) run_seconds: Histogram,
    pub(super) heartbeats_failed: Counter,
    pub(super) leases_lost: Counter,
    pub(super) listening: Gauge,
    pub(super) log_lines: Counter,
    pub(super) log_bytes: Counter,
    pub(super) log_lines_cut: Counter,
    pub(super) artifacts: Counter,
    pub(super) artifact_bytes: Counter,
    pub(super) leftovers_removed: Counter,
    pub(super) runs_reaped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("odooops"),
            slots: Gauge::default(),
            running: Gauge::default(),
            claims: Counter::default(),
            ended: Family::default(),
            run_seconds: Histogram::new(exponential_buckets(0.5, 2.0, 15)),
            heartbeats_failed: Counter::default(),
            leases_lost: Counter::default(),
            listening: Gauge::default(),
            log_lines: Counter::default(),
            log_bytes: Counter::default(),
            log_lines_cut: Counter::default(),
            artifacts: Counter::default(),
            artifact_bytes: Counter::default(),
            leftovers_removed: Counter::default(),
            runs_reaped: Counter::default(),
        };
        all.register();
        all
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("worker_slots", "Runs this worker takes at once", self.slots.clone());
        to.register("worker_runs_running", "Runs in the hands of this worker", self.running.clone());
        to.register("worker_claims", "Runs claimed", self.claims.clone());
        to.register("worker_runs_ended", "Runs by outcome", self.ended.clone());
        to.register_with_unit(
            "worker_run_duration",
            "From claim to end",
            Unit::Seconds,
            self.run_seconds.clone(),
        );
        to.register(
            "worker_heartbeats_failed",
            "Heartbeats without an answer",
            self.heartbeats_failed.clone(),
        );
        to.register("worker_leases_lost", "Leases that ended in our hands", self.leases_lost.clone());
        to.register("worker_listening", "1 while LISTEN is healthy", self.listening.clone());
        to.register("worker_log_lines", "Log lines stored", self.log_lines.clone());
        to.register("worker_log_bytes", "Log bytes stored", self.log_bytes.clone());
        to.register("worker_log_lines_cut", "Log lines over the limit of a run", self.log_lines_cut.clone());
        to.register("worker_artifacts", "Artifacts stored", self.artifacts.clone());
        to.register("worker_artifact_bytes", "Bytes of artifacts stored", self.artifact_bytes.clone());
        to.register("worker_leftovers_removed", "What the janitor removed", self.leftovers_removed.clone());
        to.register("worker_runs_reaped", "Lost runs put back by this worker", self.runs_reaped.clone());
    }

    pub(super) fn run_ended(&self, end: RunEnd) {
        self.ended.get_or_create(&EndLabel { outcome: end.as_str() }).inc();
    }

    pub(super) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_labels_of_one_counter() {
        let metrics = Metrics::new();
        metrics.run_ended(RunEnd::Succeeded);
        let text = metrics.encode().expect("encodes");
        assert!(text.contains("odooops_worker_runs_ended_total{outcome=\"succeeded\"} 1"), "{text}");
    }
}
