//! Bytes on their way from a container to the store: bounded, and whole or not at all.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use crate::action::Fault;
use crate::container::ByteReader;

/// Chunks that wait for the store; then the container waits.
const CHUNKS: usize = 16;

enum Part {
    Bytes(Bytes),
    End,
}

/// The writing end. Dropped without [`end`](Self::end), the reader fails and nothing is stored.
pub(super) struct PipeWriter(mpsc::Sender<Part>);

/// A pipe whose reader ends well only after [`PipeWriter::end`].
pub(super) fn pipe() -> (PipeWriter, ByteReader) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let parts = stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Part::End) => None,
            None => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "what was being stored broke off");
                Some((Err(error), None))
            }
        }
    });
    (PipeWriter(sender), Box::pin(StreamReader::new(Box::pin(parts))))
}

impl PipeWriter {
    /// Hands bytes on, waiting while the store is behind.
    pub(super) async fn send(&self, bytes: Bytes) -> Result<(), Fault> {
        self.put(Part::Bytes(bytes)).await
    }

    /// All bytes were sent, and they are good.
    pub(super) async fn end(self) -> Result<(), Fault> {
        self.put(Part::End).await
    }

    async fn put(&self, part: Part) -> Result<(), Fault> {
        let gone = |_| Fault::Infra("the store stopped taking bytes".to_owned());
        self.0.send(part).await.map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn ended_bytes_arrive_whole() {
        let (writer, mut reader) = pipe();
        let write = async {
            writer.send(Bytes::from_static(b"a")).await?;
            writer.send(Bytes::from_static(b"b")).await?;
            writer.end().await
        };
        let mut read = String::new();
        let (written, _) = tokio::join!(write, reader.read_to_string(&mut read));
        written.expect("written");
        assert_eq!(read, "ab");
    }

    #[tokio::test]
    async fn bytes_that_break_off_are_an_error() {
        let (writer, mut reader) = pipe();
        writer.send(Bytes::from_static(b"a")).await.expect("taken");
        drop(writer);
        let error = reader.read_to_end(&mut Vec::new()).await.expect_err("broken off");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_reader_that_went_away_is_an_infrastructure_fault() {
        let (writer, reader) = pipe();
        drop(reader);
        assert!(matches!(writer.send(Bytes::from_static(b"a")).await, Err(Fault::Infra(_))));
    }
}
