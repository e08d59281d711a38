//! The life of a run in a worker's hands: claimed, kept by heartbeats, planned and executed step by
//! step, its output redacted and stored, and whatever it made removed in the end.
//!
//! In the order of that life: `worker` registers and `claim`s, `heartbeat` keeps the leases, `run` takes
//! one run from start to completion, `attempt` follows the plan, `step` executes (with `services`,
//! `artifacts` and, for built-in steps, `host`), `output` and `logs` carry lines, `ship` stores them,
//! `failure` decides the class, `cleanup` and `janitor` remove what was made.

mod artifacts;
mod attempt;
mod claim;
mod cleanup;
mod desk;
mod environment;
mod failure;
mod files;
mod fitness;
mod heartbeat;
mod host;
mod janitor;
mod kit;
mod lease;
mod log_batch;
mod logs;
mod metrics;
mod output;
mod persist;
pub mod redact;
mod run;
mod services;
mod settings;
mod ship;
mod shutdown;
mod status;
mod step;
mod stop;
mod url_secrets;
mod worker;

pub use failure::{Verdict, verdict};
pub use metrics::Metrics;
pub use settings::{
    CANCEL_GRACE, DRAIN_TIMEOUT, HEARTBEAT_EVERY, LEASE_SECS, LOG_LIMIT_BYTES, Polling, RUN_TIMEOUT,
    Sweeping, WorkerSettings,
};
pub use shutdown::Shutdown;
pub use status::{Phase, Status};
pub use stop::{StopCause, StopSignal};
pub use worker::{Edges, Worker, WorkerError};
