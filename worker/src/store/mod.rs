//! The object store: streaming puts and gets with checksums, on S3 or on one machine's disk.
//!
//! Artifacts outlive the worker that made them, so they go to a place every worker can reach: a
//! bucket, or (for one machine) a directory. [`Store`] hides which; [`keys`] says where things lie.

pub mod keys;

mod disk;
mod error;
mod intake;
mod location;
mod reader;
mod s3;
mod upload;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt};

pub use error::StoreError;
pub use keys::ObjectKey;
pub use reader::ObjectReader;

use disk::Disk;
use location::Location;
use s3::S3;

/// Where something was stored, and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// `s3://bucket/key` or `file:///path`.
    pub url: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Lower-case hex of the SHA-256 of the bytes.
    pub sha256: String,
}

/// An object on its way out of the store.
#[derive(Debug)]
pub struct Object {
    /// Bytes that `reader` will give.
    pub size_bytes: u64,
    /// The bytes; an end that does not match size or checksum is an error that wraps [`StoreError::Corrupt`].
    pub reader: ObjectReader,
}

/// What differs from the defaults: tests and tools name a server here, a worker leaves it to the AWS variables.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// S3 endpoint; else what the AWS SDK finds (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, profile).
    pub endpoint_url: Option<String>,
    /// S3 region; else what the AWS SDK finds, else `us-east-1`.
    pub region: Option<String>,
    /// Access key and secret key; else the AWS SDK's chain.
    pub keys: Option<(String, SecretString)>,
    /// How long no byte may move to or from the server.
    pub idle_limit: Duration,
    /// How long the source of a put may be silent; `None` leaves that to whoever drops the put.
    pub source_limit: Option<Duration>,
    /// How long to try to connect.
    pub connect_limit: Duration,
    /// How often a request is sent at most (the first time included).
    pub max_attempts: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            endpoint_url: None,
            region: None,
            keys: None,
            idle_limit: Duration::from_secs(60),
            source_limit: None,
            connect_limit: Duration::from_secs(5),
            max_attempts: 4,
        }
    }
}

/// The object store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Arc<Backend>,
}

#[derive(Debug)]
enum Backend {
    S3(S3),
    Disk(Disk),
}

impl Store {
    /// Opens `s3://bucket/prefix` or `file:///path` with the AWS SDK's own variables; talks to nobody yet.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, StoreSettings::default()).await
    }

    /// As [`open`](Self::open), with settings.
    pub async fn open_with(url: &str, settings: StoreSettings) -> Result<Self, StoreError> {
        let backend = match Location::parse(url)? {
            Location::S3 { bucket, prefix } => Backend::S3(S3::connect(bucket, prefix, settings).await?),
            Location::Disk { root } => Backend::Disk(Disk::new(root, &settings)),
        };
        Ok(Self { backend: Arc::new(backend) })
    }

    /// Writes, reads and deletes a small object under the prefix: proves address, rights and room. A bucket or
    /// directory that is missing is not made: it may be the wrong one, or a disk that is not mounted.
    pub async fn check(&self) -> Result<(), StoreError> {
        match &*self.backend {
            Backend::S3(s3) => s3.check_bucket().await?,
            Backend::Disk(disk) => disk.check_root().await?,
        }
        let key = ObjectKey::probe();
        let stored = self.put(&key, Some("text/plain"), PROBE).await?;
        let read = self.read_probe(&stored).await;
        self.delete(&stored.url).await?;
        read
    }

    async fn read_probe(&self, stored: &Stored) -> Result<(), StoreError> {
        let mut object = self.get(&stored.url, Some(&stored.sha256)).await?;
        let mut bytes = Vec::new();
        match object.reader.read_to_end(&mut bytes).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::from_read(&stored.url, error)),
        }
    }

    /// Streams `source` to its end under `key`; on any error, and when this future is dropped, nothing stays behind.
    ///
    /// Memory is at most 64 MiB whatever the length; without `content_type` it is guessed from the key.
    /// [`StoreError::Source`] holds the error of `source` itself.
    pub async fn put(
        &self,
        key: &ObjectKey,
        content_type: Option<&str>,
        source: impl AsyncRead + Send,
    ) -> Result<Stored, StoreError> {
        let source = std::pin::pin!(source);
        match &*self.backend {
            Backend::S3(s3) => {
                let guessed;
                let content_type = match content_type {
                    Some(given) => given,
                    None => {
                        guessed = guess_content_type(key.as_str());
                        &guessed
                    }
                };
                s3.put(key, content_type, source).await
            }
            Backend::Disk(disk) => disk.put(key, source).await,
        }
    }

    /// Opens the object at `url` (as [`Stored::url`] gave it) for reading; with `sha256` its end is verified.
    pub async fn get(&self, url: &str, sha256: Option<&str>) -> Result<Object, StoreError> {
        match &*self.backend {
            Backend::S3(s3) => s3.get(url, sha256).await,
            Backend::Disk(disk) => disk.get(url, sha256).await,
        }
    }

    /// A URL that anyone may fetch for `expires` (at most 7 days); a `file://` store gives the file's own URL.
    pub async fn presign(&self, url: &str, expires: Duration) -> Result<String, StoreError> {
        match &*self.backend {
            Backend::S3(s3) => s3.presign(url, expires).await,
            Backend::Disk(disk) => disk.presign(url).await,
        }
    }

    /// Deletes the object at `url`; one that is not there is no error.
    pub async fn delete(&self, url: &str) -> Result<(), StoreError> {
        match &*self.backend {
            Backend::S3(s3) => s3.delete(url).await,
            Backend::Disk(disk) => disk.delete(url).await,
        }
    }

    /// The URL under which `key` is (or will be) stored.
    pub fn url_of(&self, key: &ObjectKey) -> Result<String, StoreError> {
        match &*self.backend {
            Backend::S3(s3) => Ok(s3.url_of(key)),
            Backend::Disk(disk) => disk.url_of(key),
        }
    }

    /// Waits until uploads whose `put` was dropped are aborted at the server; call it before the process ends.
    pub async fn settle(&self, limit: Duration) {
        match &*self.backend {
            Backend::S3(s3) => s3.settle(limit).await,
            Backend::Disk(_) => {}
        }
    }
}

const PROBE: &[u8] = b"odooops writes this to see whether it may, and deletes it\n";

/// The content type that a file name suggests; `application/octet-stream` for names that suggest none.
pub fn guess_content_type(name: &str) -> String {
    mime_guess::from_path(Path::new(name)).first_or_octet_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_come_from_names() {
        for (name, expected) in [
            ("backup/manifest.json", "application/json"),
            ("report.html", "text/html"),
            ("dump", "application/octet-stream"),
            ("x.tar", "application/x-tar"),
        ] {
            assert_eq!(guess_content_type(name), expected, "{name}");
        }
    }
}
