//! The object store against a real S3 server (s3s-fs, real signatures) and a real file system.

mod disk;
mod memory;
mod s3;
mod s3_failures;
pub(crate) mod server;
mod sources;
