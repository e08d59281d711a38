//! The worker's state for systemd (`Type=notify`): ready, draining, what it is at, and the watchdog's
//! pings, which stop when the worker's heartbeat task does. Without systemd all of it is silence.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::runner::{Phase, Status};

/// Between two reports; shorter where the watchdog wants pings more often.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Pings within one watchdog time.
const PINGS: u32 = 3;
/// How long a start or a stop may go on without a further report.
const EXTENSION: Duration = Duration::from_secs(60);

/// Reports a worker's state until `stop` fires.
pub async fn report(mut status: Status, stop: CancellationToken) {
    let every = match sd_notify::watchdog_enabled() {
        Some(limit) => REPORT_EVERY.min(limit / PINGS),
        None => REPORT_EVERY,
    };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_told = true;
    loop {
        let told = tell(&status);
        if let (Err(problem), true) = (&told, was_told) {
            warn!(%problem, "systemd cannot be told how this worker is");
        }
        was_told = told.is_ok();
        tokio::select! {
            () = stop.cancelled() => return,
            () = status.phase_changed() => {}
            _ = ticks.tick() => {}
        }
    }
}

fn tell(status: &Status) -> std::io::Result<()> {
    let text = sentence(status);
    let mut states = vec![NotifyState::Status(&text)];
    let (alive, phase) = (status.hung().is_none(), status.phase());
    if alive {
        states.push(NotifyState::Watchdog);
    }
    match phase {
        Phase::Serving => states.push(NotifyState::Ready),
        Phase::Draining | Phase::Stopped => states.push(NotifyState::Stopping),
        Phase::Starting => {}
    }
    // A database that is waited for, and runs that are waited for, have time limits of their own.
    if alive && matches!(phase, Phase::Starting | Phase::Draining) {
        states.push(NotifyState::ExtendTimeoutUsec(u32::try_from(EXTENSION.as_micros()).unwrap_or(u32::MAX)));
    }
    sd_notify::notify(&states)
}

fn sentence(status: &Status) -> String {
    if let Some(cause) = status.hung() {
        return format!("hangs: {cause}");
    }
    let causes = status.not_ready();
    if causes.is_empty() { "takes runs".to_owned() } else { format!("takes no runs: {}", causes.join("; ")) }
}
