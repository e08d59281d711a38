//! The source of a put: counted and hashed. What is piped may be silent for as long as it likes (a step's
//! program at work says nothing for minutes); whoever stops the step drops the put.

use std::pin::Pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::StoreError;

/// Reads a source block by block and remembers what it was.
pub(super) struct Intake<'a, R: ?Sized> {
    source: Pin<&'a mut R>,
    url: String,
    silence_limit: Option<Duration>,
    hasher: Sha256,
    size_bytes: u64,
}

impl<'a, R: AsyncRead + ?Sized> Intake<'a, R> {
    pub(super) fn new(source: Pin<&'a mut R>, url: &str, silence_limit: Option<Duration>) -> Self {
        Self { source, url: url.to_owned(), silence_limit, hasher: Sha256::new(), size_bytes: 0 }
    }

    /// The next `block_bytes` bytes; fewer (maybe none) only at the end of the source.
    pub(super) async fn fill(&mut self, block_bytes: usize) -> Result<Bytes, StoreError> {
        let mut block = BytesMut::with_capacity(block_bytes);
        while block.len() < block_bytes {
            let room = block_bytes - block.len();
            if self.read_some(&mut (&mut block).limit(room)).await? == 0 {
                break;
            }
        }
        self.hasher.update(&block);
        self.size_bytes += block.len() as u64;
        Ok(block.freeze())
    }

    async fn read_some(&mut self, room: &mut (impl BufMut + Send)) -> Result<usize, StoreError> {
        let reading = self.source.read_buf(room);
        let read = match self.silence_limit {
            None => reading.await,
            Some(limit) => tokio::time::timeout(limit, reading)
                .await
                .map_err(|_elapsed| StoreError::TimedOut { url: self.url.clone(), what: "the source" })?,
        };
        read.map_err(|source| StoreError::Source { url: self.url.clone(), source })
    }

    /// Size and lower-case hex SHA-256 of all that was read.
    pub(super) fn finish(self) -> (u64, String) {
        (self.size_bytes, hex::encode(self.hasher.finalize()))
    }
}
