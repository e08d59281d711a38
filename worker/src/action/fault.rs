//! Faults of the rooms below, told apart by who can mend them.

use crate::action::Fault;
use crate::container::ContainerError;
use crate::git::GitError;
use crate::store::StoreError;

impl Fault {
    /// The user's fault with exit code 1, or `exit_code` where there is another than 0.
    pub(super) fn user(exit_code: i64, message: impl Into<String>) -> Self {
        let exit_code = i32::try_from(exit_code).ok().filter(|code| *code != 0).unwrap_or(1);
        Self::User { exit_code, message: message.into() }
    }
}

impl From<ContainerError> for Fault {
    fn from(error: ContainerError) -> Self {
        Self::from(&error)
    }
}

impl From<&ContainerError> for Fault {
    fn from(error: &ContainerError) -> Self {
        let message = error.to_string();
        match error {
            ContainerError::BuildFailed(_) => Self::user(1, message),
            ContainerError::ImageMissing { .. }
            | ContainerError::CannotStart(_)
            | ContainerError::Refused(_) => Self::Invalid(message),
            ContainerError::EngineGone(_)
            | ContainerError::RegistryUnreachable { .. }
            | ContainerError::OutputTorn(_)
            | ContainerError::VolumeMissing(_)
            | ContainerError::DiskFull(_)
            | ContainerError::NotFound(_)
            | ContainerError::Source(_)
            | ContainerError::Engine(_) => Self::Infra(message),
        }
    }
}

impl From<&StoreError> for Fault {
    /// A step only puts: that something is not found is the store's fault and not the run's.
    fn from(error: &StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Invalid { .. } | StoreError::TooLarge { .. } => Self::Invalid(message),
            StoreError::Unreachable { .. }
            | StoreError::TimedOut { .. }
            | StoreError::AccessDenied { .. }
            | StoreError::NoCredentials { .. }
            | StoreError::NoSuchBucket { .. }
            | StoreError::NoSuchDirectory { .. }
            | StoreError::NotFound { .. }
            | StoreError::DiskFull { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Source { .. }
            | StoreError::Failed { .. } => Self::Infra(message),
        }
    }
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        if error.is_infrastructure() {
            Self::Infra(error.to_string())
        } else {
            Self::Invalid(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(fault: &Fault) -> &'static str {
        match fault {
            Fault::User { .. } => "user",
            Fault::Invalid(_) => "invalid",
            Fault::Infra(_) => "infra",
            Fault::Timeout(_) => "timeout",
            Fault::Canceled | Fault::Stopped(_) => "stopped",
        }
    }

    #[test]
    fn every_error_of_the_engine_has_its_class() {
        let (image, reason) = (|| "odoo:18.0".to_owned(), || "said so".to_owned());
        let cases = [
            (ContainerError::EngineGone(reason()), "infra"),
            (ContainerError::RegistryUnreachable { image: image(), reason: reason() }, "infra"),
            (ContainerError::OutputTorn(reason()), "infra"),
            (ContainerError::VolumeMissing(reason()), "infra"),
            (ContainerError::DiskFull(reason()), "infra"),
            (ContainerError::NotFound(reason()), "infra"),
            (ContainerError::Source(reason()), "infra"),
            (ContainerError::Engine(reason()), "infra"),
            (ContainerError::ImageMissing { image: image(), reason: reason() }, "invalid"),
            (ContainerError::CannotStart(reason()), "invalid"),
            (ContainerError::Refused(reason()), "invalid"),
            (ContainerError::BuildFailed(reason()), "user"),
        ];
        for (error, expected) in cases {
            assert_eq!(class(&Fault::from(&error)), expected, "{error:?}");
        }
    }

    #[test]
    fn a_store_that_fails_is_infrastructure_and_a_wrong_key_is_not() {
        let url = || "s3://bucket/key".to_owned();
        let cases = [
            (StoreError::Failed { url: url(), reason: "503".to_owned() }, "infra"),
            (StoreError::NotFound { url: url() }, "infra"),
            (StoreError::DiskFull { url: url() }, "infra"),
            (StoreError::TooLarge { url: url(), limit_bytes: 1 }, "invalid"),
        ];
        for (error, expected) in cases {
            assert_eq!(class(&Fault::from(&error)), expected, "{error:?}");
        }
    }

    #[test]
    fn a_fault_of_the_user_never_has_exit_code_0() {
        assert!(matches!(Fault::user(0, "x"), Fault::User { exit_code: 1, .. }));
        assert!(matches!(Fault::user(255, "x"), Fault::User { exit_code: 255, .. }));
    }
}
