//! What comes out of the store: counted, hashed, and never waited for without limit.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::StoreError;

/// What the bytes of an object must turn out to be.
pub(super) struct Expected {
    pub(super) url: String,
    pub(super) size_bytes: u64,
    pub(super) sha256: Option<String>,
}

/// The bytes of an object. Its end is an error where size or checksum differ from what is known.
pub struct ObjectReader {
    inner: Pin<Box<dyn AsyncRead + Send>>,
    expected: Expected,
    idle_limit: Duration,
    idle: Pin<Box<Sleep>>,
    hasher: Sha256,
    read_bytes: u64,
}

impl ObjectReader {
    pub(super) fn new(
        inner: Pin<Box<dyn AsyncRead + Send>>,
        expected: Expected,
        idle_limit: Duration,
    ) -> Self {
        let idle = Box::pin(tokio::time::sleep(idle_limit));
        Self { inner, expected, idle_limit, idle, hasher: Sha256::new(), read_bytes: 0 }
    }

    fn judge_end(&mut self) -> io::Result<()> {
        let url = self.expected.url.clone();
        if self.read_bytes != self.expected.size_bytes {
            let (expected, got) =
                (format!("{} bytes", self.expected.size_bytes), format!("{} bytes", self.read_bytes));
            return Err(StoreError::Corrupt { url, expected, got }.into());
        }
        let Some(sha256) = &self.expected.sha256 else { return Ok(()) };
        let got = hex::encode(self.hasher.finalize_reset());
        if got != sha256.to_ascii_lowercase() {
            return Err(StoreError::Corrupt { url, expected: format!("sha256 {sha256}"), got }.into());
        }
        self.expected.sha256 = None;
        Ok(())
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = this.inner.as_mut().poll_read(cx, buf);
        if polled.is_pending() {
            ready!(this.idle.as_mut().poll(cx));
            let url = this.expected.url.clone();
            return Poll::Ready(Err(StoreError::TimedOut { url, what: "the store" }.into()));
        }
        ready!(polled)?;
        this.idle.as_mut().reset(Instant::now() + this.idle_limit);
        let fresh = &buf.filled()[before..];
        this.hasher.update(fresh);
        this.read_bytes += fresh.len() as u64;
        if fresh.is_empty() { Poll::Ready(this.judge_end()) } else { Poll::Ready(Ok(())) }
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader").field("url", &self.expected.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn reader(bytes: &'static [u8], size_bytes: u64, sha256: Option<&str>) -> ObjectReader {
        let expected = Expected { url: "s3://b/k".into(), size_bytes, sha256: sha256.map(str::to_owned) };
        ObjectReader::new(Box::pin(bytes), expected, Duration::from_secs(5))
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[tokio::test]
    async fn bytes_that_match_are_read_to_their_end() {
        let mut out = Vec::new();
        reader(b"abc", 3, Some(ABC)).read_to_end(&mut out).await.expect("size and checksum match");
        assert_eq!(out, b"abc");
    }

    #[tokio::test]
    async fn other_bytes_are_an_error_at_the_end() {
        for (bytes, size, sha256) in [(&b"abd"[..], 3, Some(ABC)), (b"ab", 3, None), (b"abcd", 3, None)] {
            let mut out = Vec::new();
            let error = reader(bytes, size, sha256).read_to_end(&mut out).await.expect_err("differs");
            let error = StoreError::from_read("s3://b/k", error);
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_ends_in_an_error() {
        let (_kept_open, silent) = tokio::io::duplex(8);
        let expected = Expected { url: "s3://b/k".into(), size_bytes: 3, sha256: None };
        let mut reader = ObjectReader::new(Box::pin(silent), expected, Duration::from_millis(20));
        let error = reader.read_to_end(&mut Vec::new()).await.expect_err("nothing comes");
        assert!(matches!(StoreError::from_read("", error), StoreError::TimedOut { .. }));
    }
}
