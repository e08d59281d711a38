//! What the tests store: many bytes without much memory, and readers that fail or stop.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use odooops::store::ObjectKey;
use tokio::io::{AsyncRead, ReadBuf};
use uuid::Uuid;

pub(super) const MIB: u64 = 1024 * 1024;

/// What a [`Source`] does after its last byte.
pub(super) enum End {
    /// Ends like a file.
    Clean,
    /// Fails as a container's output does when the engine dies.
    Fails,
    /// Gives nothing more and never ends; tells the test that it was asked.
    Hangs(tokio::sync::mpsc::UnboundedSender<()>),
}

/// `size` bytes that repeat every 251, then an [`End`].
pub(super) struct Source {
    given: u64,
    size: u64,
    end: End,
    count: Arc<AtomicU64>,
}

impl Source {
    pub(super) fn new(size: u64, end: End) -> Self {
        Self { given: 0, size, end, count: Arc::default() }
    }

    /// Says in `count` how many bytes it has given.
    pub(super) fn counted(self, count: Arc<AtomicU64>) -> Self {
        Self { count, ..self }
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.size {
            return match &self.end {
                End::Clean => Poll::Ready(Ok(())),
                End::Fails => Poll::Ready(Err(io::Error::other("the engine went away"))),
                End::Hangs(asked) => {
                    asked.send(()).expect("the test listens");
                    Poll::Pending
                }
            };
        }
        let count =
            buf.remaining().min(64 * 1024).min(usize::try_from(self.size - self.given).unwrap_or(usize::MAX));
        let bytes: Vec<u8> = (self.given..).take(count).map(byte_at).collect();
        buf.put_slice(&bytes);
        self.given += count as u64;
        self.count.store(self.given, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

fn byte_at(position: u64) -> u8 {
    (position % 251) as u8
}

/// The bytes of a clean [`Source`].
pub(super) fn bytes(size: u64) -> Vec<u8> {
    (0..size).map(byte_at).collect()
}

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::artifact("shop", Uuid::nil(), 1, name).expect("a good key")
}
