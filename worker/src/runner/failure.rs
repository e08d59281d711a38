//! From what the worker saw to the failure class that is recorded: the one place that decides.
//! (Errors of engine, store and git become faults in `action/fault.rs`.)

use crate::action::Fault;
use crate::workflow::FailureReason;

use super::stop::StopCause;

/// What becomes of a step, and with it of the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It failed.
    Failed {
        /// The class.
        reason: FailureReason,
        /// Exit code, where a process had one; never 0.
        exit_code: Option<i32>,
        /// One line for people.
        message: String,
    },
    /// It was stopped on request.
    Canceled,
    /// The run goes back to the queue: the worker shuts down.
    Released,
    /// Nothing may be written: the attempt is not ours any more.
    Abandoned,
}

/// Decides the class. A stop outranks whatever fault the stopping itself brought about.
#[must_use]
pub fn verdict(fault: &Fault, stopped: Option<StopCause>) -> Verdict {
    match stopped {
        Some(StopCause::LeaseLost) => return Verdict::Abandoned,
        Some(StopCause::Shutdown) => return Verdict::Released,
        Some(StopCause::Canceled) => return Verdict::Canceled,
        Some(StopCause::TimedOut) => {
            let message = match fault {
                Fault::Timeout(message) => message.as_str(),
                Fault::User { .. }
                | Fault::Invalid(_)
                | Fault::Infra(_)
                | Fault::Canceled
                | Fault::Stopped(_) => "the time limit passed",
            };
            return failed(FailureReason::Timeout, message);
        }
        None => {}
    }
    match fault {
        // 0 would read as success: a fault without an exit code of its own is 1.
        Fault::User { exit_code, message } => Verdict::Failed {
            reason: FailureReason::User,
            exit_code: Some(if *exit_code == 0 { 1 } else { *exit_code }),
            message: message.clone(),
        },
        Fault::Invalid(message) => failed(FailureReason::Invalid, message),
        Fault::Infra(message) => failed(FailureReason::Infra, message),
        Fault::Timeout(message) => failed(FailureReason::Timeout, message),
        Fault::Canceled => Verdict::Canceled,
        // Stopped, and nobody asked for it: an inner part of the worker has given up.
        Fault::Stopped(message) => failed(FailureReason::Infra, message),
    }
}

fn failed(reason: FailureReason, message: &str) -> Verdict {
    Verdict::Failed { reason, exit_code: None, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(fault: &Fault, stopped: Option<StopCause>) -> String {
        match verdict(fault, stopped) {
            Verdict::Failed { reason, exit_code, .. } => format!("{} {exit_code:?}", reason.as_str()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_has_its_class() {
        let user = |exit_code| Fault::User { exit_code, message: "tests failed".to_owned() };
        let cases = [
            (user(2), "user Some(2)"),
            (user(0), "user Some(1)"),
            (Fault::Invalid("no such module".to_owned()), "invalid None"),
            (Fault::Infra("disk full".to_owned()), "infra None"),
            (Fault::Timeout("step build passed its limit".to_owned()), "timeout None"),
            (Fault::Canceled, "Canceled"),
            (Fault::Stopped("the log is closed".to_owned()), "infra None"),
        ];
        for (fault, expected) in cases {
            assert_eq!(class(&fault, None), expected, "{fault:?}");
        }
    }

    #[test]
    fn a_stop_outranks_the_fault_that_it_brought_about() {
        let killed = Fault::User { exit_code: 137, message: "killed".to_owned() };
        let gone = Fault::Infra("no such container".to_owned());
        let cases = [
            (StopCause::Canceled, "Canceled"),
            (StopCause::Shutdown, "Released"),
            (StopCause::LeaseLost, "Abandoned"),
            (StopCause::TimedOut, "timeout None"),
        ];
        for (cause, expected) in cases {
            assert_eq!(class(&killed, Some(cause)), expected);
            assert_eq!(class(&gone, Some(cause)), expected);
        }
    }
}
