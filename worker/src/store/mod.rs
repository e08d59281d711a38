//! The object store: streaming puts and gets with checksums, on S3 or on one machine's disk.

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
