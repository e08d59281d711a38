//! From what the worker saw to the failure class that is recorded (contract §4): the one place that decides.

use crate::action::Fault;
use crate::container::ContainerError;
use crate::store::StoreError;
use crate::workflow::FailureReason;

use super::stop::StopCause;

/// What went wrong, from whichever room.
#[derive(Debug, Clone, Copy)]
pub enum Trouble<'a> {
    /// A step or action gave up.
    Step(&'a Fault),
    /// The engine.
    Engine(&'a ContainerError),
    /// The object store.
    Store(&'a StoreError),
}

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

/// Decides the class. A stop outranks whatever error the stopping itself brought about.
#[must_use]
pub fn verdict(trouble: Trouble<'_>, stopped: Option<StopCause>) -> Verdict {
    match stopped {
        Some(StopCause::LeaseLost) => return Verdict::Abandoned,
        Some(StopCause::Shutdown) => return Verdict::Released,
        Some(StopCause::Canceled) => return Verdict::Canceled,
        Some(StopCause::TimedOut) => {
            let message = match trouble {
                Trouble::Step(Fault::Timeout(message)) => message.clone(),
                Trouble::Step(_) | Trouble::Engine(_) | Trouble::Store(_) => {
                    "the time limit passed".to_owned()
                }
            };
            return failed(FailureReason::Timeout, message);
        }
        None => {}
    }
    match trouble {
        // 0 would read as success: a fault without an exit code of its own is 1.
        Trouble::Step(Fault::User { exit_code, message }) => Verdict::Failed {
            reason: FailureReason::User,
            exit_code: Some(if *exit_code == 0 { 1 } else { *exit_code }),
            message: message.clone(),
        },
        Trouble::Step(Fault::Invalid(message)) => failed(FailureReason::Invalid, message.clone()),
        Trouble::Step(Fault::Infra(message)) => failed(FailureReason::Infra, message.clone()),
        Trouble::Step(Fault::Timeout(message)) => failed(FailureReason::Timeout, message.clone()),
        Trouble::Step(Fault::Canceled) => Verdict::Canceled,
        Trouble::Step(Fault::Stopped(_)) => Verdict::Released,
        Trouble::Engine(error) => match error {
            ContainerError::EngineGone(_)
            | ContainerError::RegistryUnreachable { .. }
            | ContainerError::DiskFull(_)
            | ContainerError::Source(_)
            | ContainerError::NotFound(_)
            | ContainerError::Engine(_) => failed(FailureReason::Infra, error.to_string()),
            ContainerError::ImageMissing { .. }
            | ContainerError::CannotStart(_)
            | ContainerError::Refused(_) => failed(FailureReason::Invalid, error.to_string()),
            ContainerError::BuildFailed(_) => Verdict::Failed {
                reason: FailureReason::User,
                exit_code: Some(1),
                message: error.to_string(),
            },
        },
        // We only put: that something is not found is the store's fault and not the run's.
        Trouble::Store(error)
            if error.is_infrastructure() || matches!(error, StoreError::NotFound { .. }) =>
        {
            failed(FailureReason::Infra, error.to_string())
        }
        Trouble::Store(error) => failed(FailureReason::Invalid, error.to_string()),
    }
}

/// An error of the engine as the fault of the step that met it.
pub(super) fn fault_of(error: &ContainerError) -> Fault {
    fault(verdict(Trouble::Engine(error), None))
}

/// An error of the store as the fault of the step that met it.
pub(super) fn store_fault(error: &StoreError) -> Fault {
    fault(verdict(Trouble::Store(error), None))
}

fn fault(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Failed { reason: FailureReason::User, exit_code, message } => {
            Fault::User { exit_code: exit_code.unwrap_or(1), message }
        }
        Verdict::Failed { reason: FailureReason::Timeout, message, .. } => Fault::Timeout(message),
        Verdict::Failed { reason: FailureReason::Invalid, message, .. } => Fault::Invalid(message),
        Verdict::Failed { reason: FailureReason::Infra, message, .. } => Fault::Infra(message),
        Verdict::Canceled => Fault::Canceled,
        Verdict::Released => Fault::Stopped("the worker shuts down".to_owned()),
        Verdict::Abandoned => Fault::Stopped("the lease was lost".to_owned()),
    }
}

fn failed(reason: FailureReason, message: String) -> Verdict {
    Verdict::Failed { reason, exit_code: None, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(trouble: Trouble<'_>, stopped: Option<StopCause>) -> String {
        match verdict(trouble, stopped) {
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
            (Fault::Stopped("shutdown".to_owned()), "Released"),
        ];
        for (fault, expected) in cases {
            assert_eq!(class(Trouble::Step(&fault), None), expected, "{fault:?}");
        }
    }

    #[test]
    fn every_error_of_the_engine_has_its_class() {
        let image = || "odoo:18.0".to_owned();
        let cases = [
            (ContainerError::EngineGone("refused".to_owned()), "infra None"),
            (
                ContainerError::RegistryUnreachable { image: image(), reason: "timeout".to_owned() },
                "infra None",
            ),
            (ContainerError::DiskFull("/var/lib/docker".to_owned()), "infra None"),
            (ContainerError::NotFound("network".to_owned()), "infra None"),
            (ContainerError::Engine("500".to_owned()), "infra None"),
            (ContainerError::ImageMissing { image: image(), reason: "404".to_owned() }, "invalid None"),
            (ContainerError::CannotStart("no such file".to_owned()), "invalid None"),
            (ContainerError::Refused("docker.sock".to_owned()), "invalid None"),
            (ContainerError::BuildFailed("RUN pip".to_owned()), "user Some(1)"),
        ];
        for (error, expected) in cases {
            assert_eq!(class(Trouble::Engine(&error), None), expected, "{error:?}");
        }
    }

    #[test]
    fn a_store_that_fails_is_infrastructure_and_a_wrong_key_is_not() {
        let url = || "s3://bucket/key".to_owned();
        let down = StoreError::Failed { url: url(), reason: "503".to_owned() };
        let wrong = StoreError::TooLarge { url: url(), limit_bytes: 1 };
        let gone = StoreError::NotFound { url: url() };
        assert_eq!(class(Trouble::Store(&down), None), "infra None");
        assert_eq!(class(Trouble::Store(&gone), None), "infra None");
        assert_eq!(class(Trouble::Store(&wrong), None), "invalid None");
    }

    #[test]
    fn a_stop_outranks_the_error_that_it_brought_about() {
        let killed = Fault::User { exit_code: 137, message: "killed".to_owned() };
        let gone = ContainerError::NotFound("container".to_owned());
        let cases = [
            (StopCause::Canceled, "Canceled"),
            (StopCause::Shutdown, "Released"),
            (StopCause::LeaseLost, "Abandoned"),
            (StopCause::TimedOut, "timeout None"),
        ];
        for (cause, expected) in cases {
            assert_eq!(class(Trouble::Step(&killed), Some(cause)), expected);
            assert_eq!(class(Trouble::Engine(&gone), Some(cause)), expected);
        }
    }
}
