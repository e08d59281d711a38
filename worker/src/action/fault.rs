//! Faults of the rooms below, told apart by who can mend them.

use crate::action::Fault;
use crate::container::ContainerError;
use crate::git::GitError;

impl Fault {
    /// The user's fault with exit code 1, or `exit_code` where there is another than 0.
    pub(super) fn user(exit_code: i64, message: impl Into<String>) -> Self {
        let exit_code = i32::try_from(exit_code).ok().filter(|code| *code != 0).unwrap_or(1);
        Self::User { exit_code, message: message.into() }
    }
}

impl From<ContainerError> for Fault {
    fn from(error: ContainerError) -> Self {
        let message = error.to_string();
        match error {
            ContainerError::BuildFailed(_) => Self::user(1, message),
            ContainerError::ImageMissing { .. }
            | ContainerError::CannotStart(_)
            | ContainerError::Refused(_) => Self::Invalid(message),
            ContainerError::EngineGone(_)
            | ContainerError::RegistryUnreachable { .. }
            | ContainerError::DiskFull(_)
            | ContainerError::NotFound(_)
            | ContainerError::Source(_)
            | ContainerError::Engine(_) => Self::Infra(message),
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

    #[test]
    fn a_failed_build_is_the_users_and_a_dead_engine_is_not() {
        let build = Fault::from(ContainerError::BuildFailed("pip".into()));
        assert!(matches!(build, Fault::User { exit_code: 1, .. }));
        let gone = Fault::from(ContainerError::EngineGone("no socket".into()));
        assert!(matches!(gone, Fault::Infra(_)));
    }

    #[test]
    fn a_fault_of_the_user_never_has_exit_code_0() {
        assert!(matches!(Fault::user(0, "x"), Fault::User { exit_code: 1, .. }));
        assert!(matches!(Fault::user(255, "x"), Fault::User { exit_code: 255, .. }));
    }
}
