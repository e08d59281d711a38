//! The life of one claimed run, from start to completion, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::contract::{ClaimedRun, Completion, FailureReason as Reason};
use crate::workflow::FailureReason;

use super::attempt::{Ending, execute};
use super::cleanup::{HURRIED_LIMIT, remove_attempt_unless_late};
use super::desk::Desk;
use super::kit::Kit;
use super::lease::Lease;
use super::logs::LogSender;
use super::metrics::RunEnd;
use super::persist::{PersistError, persist};
use super::ship::{LogShipper, Shipping};
use super::stop::{StopCause, StopSignal};
use super::url_secrets::url_secrets;

/// How long work may go on after it was told to stop, beside the grace of its container.
const STOP_SLACK: Duration = Duration::from_secs(10);
/// How long the last words (log, end of the run) may take at a shutdown.
const LAST_WORDS: Duration = Duration::from_secs(25);

/// How long a run may take to give itself back at a shutdown: longer than all of its stages together.
pub(super) fn stop_limit(grace: Duration) -> Duration {
    grace + STOP_SLACK + HURRIED_LIMIT + LAST_WORDS
}
/// The longest message that is stored with a run.
const MESSAGE_CHARS: usize = 2_000;

/// Takes a claimed run to its end. Never fails: what goes wrong is the run's ending, or (the lease being
/// lost) another worker's beginning.
pub(super) async fn live(kit: &Arc<Kit>, run: ClaimedRun, lease: &Lease) {
    let begun = Instant::now();
    let end = tokio::select! {
        end = lead(kit, run, lease) => end,
        () = fenced(lease) => RunEnd::Lost,
    };
    kit.metrics.run_seconds.observe(begun.elapsed().as_secs_f64());
    if end == RunEnd::Lost {
        kit.metrics.leases_lost.inc();
    }
    kit.metrics.run_ended(end);
    tracing::info!(run_id = %lease.run_id, attempt = lease.attempt, outcome = ?end, "run ended here");
}

/// Watches the lease; firing its stop signal is all it does, so it never completes.
async fn fenced(lease: &Lease) {
    lease.fence().await;
    tracing::warn!(run_id = %lease.run_id, "the lease was not renewed in time; the run is stopped");
    std::future::pending::<()>().await;
}

async fn lead(kit: &Arc<Kit>, run: ClaimedRun, lease: &Lease) -> RunEnd {
    let labels = kit.labels(run.id, run.attempt, time_limit(kit, &run).as_secs());
    let shipper = LogShipper {
        contract: kit.contract.clone(),
        lease: lease.clone(),
        limit_bytes: kit.settings.log_limit_bytes,
        metrics: Arc::clone(&kit.metrics),
    };
    // What cannot be kept out of the log must not run.
    let (redactor, unmaskable) = match kit.redactor.and(&url_secrets(&run)) {
        Ok(redactor) => (Arc::new(redactor), None),
        Err(error) => (Arc::clone(&kit.redactor), Some(error)),
    };
    let (logs, shipping) = shipper.start(redactor);
    let desk = Desk::new(Arc::clone(kit), run, lease.clone(), labels.clone(), logs.clone());
    let ending = match unmaskable {
        None => execute_bounded(kit, desk, &lease.stop).await,
        Some(error) => Ending::failed(FailureReason::Invalid, error.to_string()),
    };
    remove_attempt_unless_late(&*kit.engine, &labels, lease.stop.shutdown()).await;
    conclude(kit, lease, ending, logs, shipping).await
}

fn time_limit(kit: &Kit, run: &ClaimedRun) -> Duration {
    let asked = run.timeout_secs.and_then(|secs| u64::try_from(secs).ok()).map(Duration::from_secs);
    asked.unwrap_or(kit.settings.run_timeout)
}

/// Executes in a task of its own, so that a panic is an ending like any other; when the work does not stop
/// although it was told to, it is broken off.
async fn execute_bounded(kit: &Kit, desk: Desk, stop: &StopSignal) -> Ending {
    let mut task = AbortOnDropHandle::new(tokio::spawn(execute(Arc::new(desk))));
    let overdue = async {
        stop.fired().await;
        tokio::time::sleep(kit.settings.cancel_grace + STOP_SLACK).await;
    };
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = overdue => {
            tracing::warn!("a run did not stop in time and is broken off");
            task.abort();
            task.await
        }
    };
    match joined {
        Ok(ending) => ending,
        Err(error) if error.is_cancelled() => stopped(stop.cause().unwrap_or(StopCause::Shutdown)),
        Err(panic) => {
            tracing::error!(error = %panic, "the execution of a run panicked");
            Ending::infra("the worker failed inside while it executed the run; its own log says how")
        }
    }
}

fn stopped(cause: StopCause) -> Ending {
    match cause {
        StopCause::Canceled => Ending::Canceled,
        StopCause::Shutdown => Ending::Released,
        StopCause::LeaseLost => Ending::Abandoned,
        StopCause::TimedOut => Ending::Failed {
            reason: FailureReason::Timeout,
            exit_code: None,
            message: "the run passed its time limit".to_owned(),
            result: None,
        },
    }
}

/// Closes the log and says how the attempt ended.
async fn conclude(kit: &Kit, lease: &Lease, ending: Ending, logs: LogSender, shipping: Shipping) -> RunEnd {
    if lease.stop.cause() == Some(StopCause::LeaseLost) || ending == Ending::Abandoned {
        // The shipper ends by itself: it may not write either.
        lease.stop.fire(StopCause::LeaseLost);
    }
    let ending = match shipping.finish().await {
        Ok(()) => ending,
        Err(PersistError::LeaseLost) => return RunEnd::Lost,
        Err(error) => {
            tracing::error!(run_id = %lease.run_id, %error, "the log could not be stored");
            match ending {
                // A run whose log is not whole has not succeeded; an infra fault is most likely this one.
                Ending::Succeeded { .. } | Ending::Failed { reason: FailureReason::Infra, .. } => {
                    Ending::infra(&format!("the log could not be stored: {error}"))
                }
                Ending::Failed { .. } | Ending::Canceled | Ending::Released | Ending::Abandoned => ending,
            }
        }
    };
    lease.conclude();
    let (end, written) = match ending {
        Ending::Abandoned => return RunEnd::Lost,
        Ending::Released => (RunEnd::Released, release(kit, lease).await),
        Ending::Succeeded { result } => {
            let completion = Completion { exit_code: Some(0), result: Some(result), ..Completion::default() };
            (RunEnd::Succeeded, complete(kit, lease, &completion).await)
        }
        Ending::Canceled => {
            let completion = Completion {
                failure_reason: Some(Reason::Canceled),
                error_message: Some("canceled on request".to_owned()),
                ..Completion::default()
            };
            (RunEnd::Canceled, complete(kit, lease, &completion).await)
        }
        Ending::Failed { reason, exit_code, message, result } => {
            let completion = Completion {
                exit_code,
                error_message: Some(shorten(&logs.redact(&message))),
                failure_reason: Some(reason_word(reason)),
                result,
            };
            (run_end(reason), complete(kit, lease, &completion).await)
        }
    };
    match written {
        Ok(()) => end,
        Err(PersistError::LeaseLost) => RunEnd::Lost,
        Err(error) => {
            tracing::error!(run_id = %lease.run_id, %error, "the run's end could not be recorded; its lease will end");
            RunEnd::Lost
        }
    }
}

async fn complete(kit: &Kit, lease: &Lease, completion: &Completion) -> Result<(), PersistError> {
    persist(&lease.stop, "complete_workflow_run", || {
        kit.contract.complete_workflow_run(lease.run_id, lease.token, completion)
    })
    .await
    .map(|_state| ())
}

async fn release(kit: &Kit, lease: &Lease) -> Result<(), PersistError> {
    persist(&lease.stop, "release_run", || {
        kit.contract.release_run(lease.run_id, lease.token, "the worker shuts down")
    })
    .await
    .map(|_state| ())
}

fn reason_word(reason: FailureReason) -> Reason {
    match reason {
        FailureReason::User => Reason::User,
        FailureReason::Timeout => Reason::Timeout,
        FailureReason::Invalid => Reason::Invalid,
        FailureReason::Infra => Reason::Infra,
    }
}

fn run_end(reason: FailureReason) -> RunEnd {
    match reason {
        FailureReason::User => RunEnd::User,
        FailureReason::Timeout => RunEnd::Timeout,
        FailureReason::Invalid => RunEnd::Invalid,
        FailureReason::Infra => RunEnd::Infra,
    }
}

fn shorten(message: &str) -> String {
    if message.chars().count() <= MESSAGE_CHARS {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_CHARS).chain(['…']).collect()
}
