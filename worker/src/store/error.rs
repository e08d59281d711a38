//! What can go wrong with the store, told apart by who can mend it.

use std::io;
use std::path::Path;

/// Why the store did not do what was asked. Messages hold URLs and server answers, never keys.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A store URL, object URL or artifact key that cannot be used.
    #[error("{what} cannot be used: {rule}")]
    Invalid {
        /// The URL or key.
        what: String,
        /// The rule it breaks.
        rule: String,
    },
    /// Nobody answered, or the connection broke.
    #[error("the store {url} cannot be reached: {reason}; check AWS_ENDPOINT_URL and the network")]
    Unreachable {
        /// The object or store.
        url: String,
        /// What the client saw.
        reason: String,
    },
    /// Nothing moved for the idle limit, or a request passed its time limit.
    #[error("{url}: {what} stood still beyond its time limit")]
    TimedOut {
        /// The object or store.
        url: String,
        /// Which side stood still.
        what: &'static str,
    },
    /// The server, or the file system, says no.
    #[error(
        "the store refuses access to {url}: {reason}; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy, or the directory's owner and mode"
    )]
    AccessDenied {
        /// The object or store.
        url: String,
        /// The server's code and message.
        reason: String,
    },
    /// The AWS SDK found no keys.
    #[error("no S3 keys found for {url}: {reason}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoCredentials {
        /// The object or store.
        url: String,
        /// What the SDK tried.
        reason: String,
    },
    /// The bucket does not exist.
    #[error("the bucket of {url} does not exist; create it, or set ODOOOPS_STORE_URL to one that does")]
    NoSuchBucket {
        /// The object or store.
        url: String,
    },
    /// The directory of a `file://` store does not exist.
    #[error(
        "the directory of the store {url} does not exist; create it for the worker's user, or mount what it is on"
    )]
    NoSuchDirectory {
        /// The store.
        url: String,
    },
    /// The object does not exist.
    #[error("there is no object {url}")]
    NotFound {
        /// The object.
        url: String,
    },
    /// The disk or quota under a `file://` store is full.
    #[error("the disk of the store is full, writing {url}; free room or move ODOOOPS_STORE_URL")]
    DiskFull {
        /// The object.
        url: String,
    },
    /// What was read is not what was stored.
    #[error("{url} is damaged: expected {expected}, got {got}")]
    Corrupt {
        /// The object.
        url: String,
        /// Size or checksum as recorded.
        expected: String,
        /// Size or checksum as read.
        got: String,
    },
    /// More bytes than one object can take.
    #[error("{url} is larger than {limit_bytes} bytes, the most that one object may have")]
    TooLarge {
        /// The object.
        url: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// The reader that was to be stored failed.
    #[error("reading what was to be stored as {url} failed: {source}")]
    Source {
        /// The object.
        url: String,
        /// The reader's own error.
        source: io::Error,
    },
    /// Any other answer of the server or the file system.
    #[error("the store failed on {url}: {reason}")]
    Failed {
        /// The object or store.
        url: String,
        /// What was said.
        reason: String,
    },
}

impl StoreError {
    /// True where the machine, network or set-up is at fault (`infra`: try elsewhere), false where the request is.
    pub fn is_infrastructure(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::AccessDenied { .. }
            | Self::NoCredentials { .. }
            | Self::NoSuchBucket { .. }
            | Self::NoSuchDirectory { .. }
            | Self::DiskFull { .. }
            | Self::Corrupt { .. }
            | Self::Source { .. }
            | Self::Failed { .. } => true,
            Self::Invalid { .. } | Self::NotFound { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// The store error inside an error of an [`ObjectReader`](super::ObjectReader), else a broken connection.
    pub fn from_read(url: &str, error: io::Error) -> Self {
        let reason = error.to_string();
        match error.into_inner().map(|inner| inner.downcast::<StoreError>()) {
            Some(Ok(inner)) => *inner,
            Some(Err(_)) | None => Self::Unreachable { url: url.to_owned(), reason },
        }
    }

    pub(super) fn invalid(what: &str, rule: impl Into<String>) -> Self {
        Self::Invalid { what: what.to_owned(), rule: rule.into() }
    }

    /// Judges an error of the file system under a `file://` store.
    pub(super) fn from_disk(path: &Path, error: io::Error) -> Self {
        let url = format!("file://{}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound { url },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { url },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::AccessDenied { url, reason: error.to_string() }
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
                Self::invalid(&url, "another object's name is in the way")
            }
            _ => Self::Failed { url, reason: error.to_string() },
        }
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::TimedOut { .. } => io::ErrorKind::TimedOut,
            StoreError::Corrupt { .. } => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
