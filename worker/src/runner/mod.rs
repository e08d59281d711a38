//! The life of a run in a worker's hands: claimed, kept by heartbeats, planned and executed step by
//! step, its output redacted and stored, and whatever it made removed in the end.

mod failure;
mod files;
mod log_batch;
mod metrics;
pub mod redact;
mod settings;
mod shutdown;
mod status;
mod stop;

pub use failure::{Trouble, Verdict, verdict};
pub use metrics::Metrics;
pub use settings::{
    CANCEL_GRACE, DRAIN_TIMEOUT, HEARTBEAT_EVERY, LEASE_SECS, LOG_LIMIT_BYTES, Polling, RUN_TIMEOUT,
    Sweeping, WorkerSettings,
};
pub use shutdown::Shutdown;
pub use status::{Phase, Status};
pub use stop::{StopCause, StopSignal};
