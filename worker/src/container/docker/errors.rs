//! From what the engine answers to what it means. The engine gives little more than an HTTP status
//! and a sentence, so this is the one place where sentences are matched; all of it is pure.

use bollard::errors::Error;

use crate::container::ContainerError;

/// What was being done, where the same sentence means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing<'a> {
    /// Anything without a meaning of its own.
    Call,
    /// Looking for this image on the engine.
    Look(&'a str),
    /// Making a container from this image.
    Create(&'a str),
    /// Starting a container.
    Start,
    /// Pulling this image.
    Pull(&'a str),
    /// Building an image.
    Build,
}

/// Sentences of a start that failed because of the image, the command or the user asked for.
const CANNOT_START: [&str; 9] = [
    "executable file not found",
    "no such file or directory: unknown",
    "permission denied: unknown",
    "is a directory: unknown",
    "not a directory: unknown",
    "exec format error",
    "unable to find user",
    "unable to find group",
    "no command specified",
];

/// Sentences by which a registry, or the engine, says that the image is not to be had.
const IMAGE_MISSING: [&str; 12] = [
    "manifest unknown",
    "not found",
    "no such image",
    "does not exist",
    "pull access denied",
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "denied:",
    "invalid reference format",
    "no matching manifest",
    "unsupported manifest media type",
];

/// Sentences by which the engine says that it did not get through to the registry.
const UNREACHABLE: [&str; 14] = [
    "connection refused",
    "no such host",
    "i/o timeout",
    "timeout exceeded",
    "deadline exceeded",
    "tls handshake",
    "network is unreachable",
    "no route to host",
    "connection reset",
    "x509:",
    "unexpected http status: 5",
    "toomanyrequests",
    "server misbehaving",
    "http response to https client",
];

/// What `error` means while `doing`.
pub(super) fn classify(error: Error, doing: Doing<'_>) -> ContainerError {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            classify_answer(Some(status_code), &message, doing)
        }
        Error::DockerStreamError { error } => classify_answer(None, &error, doing),
        Error::SocketNotFoundError(path) => ContainerError::EngineGone(format!("no socket at {path}")),
        Error::RequestTimeoutError => ContainerError::EngineGone("no answer in time".to_owned()),
        Error::IOError { .. } | Error::HyperResponseError { .. } | Error::HyperLegacyError { .. } => {
            ContainerError::EngineGone(with_causes(&error))
        }
        other => ContainerError::Engine(with_causes(&other)),
    }
}

/// What a status and sentence of the engine mean while `doing`.
pub(super) fn classify_answer(status: Option<u16>, message: &str, doing: Doing<'_>) -> ContainerError {
    let message = message.trim();
    let lower = message.to_lowercase();
    let says = |sentences: &[&str]| sentences.iter().any(|sentence| lower.contains(sentence));
    if lower.contains("no space left on device") || lower.contains("disk quota exceeded") {
        return ContainerError::DiskFull(message.to_owned());
    }
    let missing =
        |image: &str| ContainerError::ImageMissing { image: image.to_owned(), reason: message.to_owned() };
    match doing {
        Doing::Pull(image) if says(&UNREACHABLE) => {
            ContainerError::RegistryUnreachable { image: image.to_owned(), reason: message.to_owned() }
        }
        Doing::Pull(image) if says(&IMAGE_MISSING) || status == Some(404) => missing(image),
        Doing::Pull(_) => ContainerError::Engine(message.to_owned()),
        Doing::Look(image) if lower.contains("invalid reference format") => missing(image),
        Doing::Create(image) if lower.contains("no such image") => missing(image),
        Doing::Create(_) | Doing::Start if says(&CANNOT_START) => {
            ContainerError::CannotStart(message.to_owned())
        }
        Doing::Build if says(&UNREACHABLE) && lower.contains("/v2/") => {
            ContainerError::RegistryUnreachable { image: "of a FROM line".into(), reason: message.to_owned() }
        }
        Doing::Build if status.is_none_or(|code| code == 400) || says(&IMAGE_MISSING) => {
            ContainerError::BuildFailed(message.to_owned())
        }
        _ if status == Some(404) => ContainerError::NotFound(message.to_owned()),
        Doing::Call | Doing::Look(_) | Doing::Create(_) | Doing::Start | Doing::Build => {
            ContainerError::Engine(message.to_owned())
        }
    }
}

/// The error with its causes, because the outermost alone says "client error (Connect)".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, message: &str, doing: Doing<'_>) -> ContainerError {
        classify(Error::DockerResponseServerError { status_code: status, message: message.to_owned() }, doing)
    }

    #[test]
    fn a_pull_tells_a_missing_image_from_a_registry_that_cannot_be_reached() {
        let pull = Doing::Pull("x:1");
        for (status, message) in [
            (404, "manifest for x:1 not found: manifest unknown: manifest unknown"),
            (
                404,
                "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            ),
            (500, "Head \"https://r/v2/x/manifests/1\": unauthorized: authentication required"),
            (500, "Head \"https://r/v2/x/manifests/1\": no basic auth credentials"),
            (400, "invalid reference format"),
        ] {
            assert!(
                matches!(answer(status, message, pull), ContainerError::ImageMissing { .. }),
                "{message}"
            );
        }
        for message in [
            "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            "Get \"https://registry-1.docker.io/v2/\": net/http: TLS handshake timeout",
            "Get \"https://r/v2/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "Get \"https://r/v2/\": x509: certificate signed by unknown authority",
            "received unexpected HTTP status: 503 Service Unavailable",
            "toomanyrequests: You have reached your pull rate limit",
        ] {
            let error = answer(500, message, pull);
            assert!(matches!(error, ContainerError::RegistryUnreachable { .. }), "{message}");
            assert!(error.is_infrastructure());
        }
    }

    #[test]
    fn a_full_disk_is_a_full_disk_whatever_was_being_done() {
        let message = "write /var/lib/docker/tmp/GetImageBlob1: no space left on device";
        for doing in [Doing::Call, Doing::Create("x"), Doing::Start, Doing::Pull("x"), Doing::Build] {
            assert!(matches!(answer(500, message, doing), ContainerError::DiskFull(_)), "{doing:?}");
            let stream = classify(Error::DockerStreamError { error: message.to_owned() }, doing);
            assert!(matches!(stream, ContainerError::DiskFull(_)), "{doing:?}");
        }
    }

    #[test]
    fn a_command_that_is_not_in_the_image_is_the_workflows_fault() {
        let message = "failed to create shim: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown";
        let error = answer(404, message, Doing::Start);
        assert!(matches!(error, ContainerError::CannotStart(_)));
        assert!(!error.is_infrastructure());
        let user = "unable to find user nobody2: no matching entries in passwd file";
        assert!(matches!(answer(400, user, Doing::Start), ContainerError::CannotStart(_)));
    }

    #[test]
    fn a_thing_that_is_gone_is_not_found_and_an_image_that_is_gone_is_missing() {
        assert!(matches!(answer(404, "No such container: x", Doing::Call), ContainerError::NotFound(_)));
        assert!(matches!(
            answer(404, "No such image: x:1", Doing::Create("x:1")),
            ContainerError::ImageMissing { .. }
        ));
    }

    #[test]
    fn a_failed_build_line_is_the_users_fault_and_an_unreachable_base_is_not() {
        let line = "The command '/bin/sh -c false' returned a non-zero code: 1";
        let failed = classify(Error::DockerStreamError { error: line.to_owned() }, Doing::Build);
        assert!(matches!(failed, ContainerError::BuildFailed(_)));
        let base =
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host";
        let unreachable = classify(Error::DockerStreamError { error: base.to_owned() }, Doing::Build);
        assert!(matches!(unreachable, ContainerError::RegistryUnreachable { .. }));
    }

    #[test]
    fn a_connection_that_breaks_means_that_the_engine_is_gone() {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(
            classify(Error::IOError { err: broken }, Doing::Call),
            ContainerError::EngineGone(_)
        ));
        assert!(matches!(classify(Error::RequestTimeoutError, Doing::Call), ContainerError::EngineGone(_)));
    }
}
