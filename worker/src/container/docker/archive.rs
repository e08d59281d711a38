//! Tar archives into and out of a container, streamed both ways.

use std::sync::{Arc, OnceLock};

use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio_util::io::ReaderStream;

use super::Docker;
use super::errors::{Doing, classify};
use crate::container::{ByteReader, ByteStream, ContainerError};

/// Bytes handed to the engine at once.
const PART_BYTES: usize = 128 * 1024;

impl Docker {
    pub(super) async fn upload_archive(
        &self,
        id: &str,
        path: &str,
        archive: ByteReader,
    ) -> Result<(), ContainerError> {
        let link = self.link().await?;
        let client = link.patient();
        let options = UploadToContainerOptionsBuilder::new().path(path).build();
        let (parts, source) = Source::open(archive);
        let body = bollard::body_try_stream(parts);
        let upload = client.upload_to_container(id, Some(options), body);
        link.while_alive(async { upload.await.map_err(|error| source.blame(classify(error, Doing::Call))) })
            .await
    }

    pub(super) async fn download_archive(&self, id: &str, path: &str) -> Result<ByteStream, ContainerError> {
        let link = self.link().await?.clone();
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut parts = link.client.download_from_container(id, Some(options)).boxed();
        // The first part says whether there is such a path.
        let first = match link.while_alive(async { Ok(parts.next().await) }).await? {
            Some(part) => Some(part.map_err(|error| classify(error, Doing::Call))?),
            None => None,
        };
        let rest = stream::unfold(Some((link, parts)), |reading| async move {
            let (link, mut parts) = reading?;
            let part = link.while_alive(async { Ok(parts.next().await) }).await.transpose()?;
            let part = part.and_then(|part| part.map_err(|error| classify(error, Doing::Call)));
            let next = part.is_ok().then_some((link, parts));
            Some((part, next))
        });
        Ok(Box::pin(stream::iter(first.map(Ok)).chain(rest)))
    }
}

/// What is sent to the engine, remembered when it breaks: the engine only sees that we hung up.
#[derive(Clone)]
pub(super) struct Source(Arc<OnceLock<String>>);

impl Source {
    /// The reader's bytes in parts, and what tells afterwards how the reading went.
    pub(super) fn open(reader: ByteReader) -> (impl Stream<Item = std::io::Result<Bytes>> + Send, Self) {
        let source = Self(Arc::default());
        let broken = source.0.clone();
        let parts = ReaderStream::with_capacity(reader, PART_BYTES).inspect_err(move |error| {
            broken.set(error.to_string()).ok();
        });
        (parts, source)
    }

    /// The source's own error instead of the engine's, if it had one.
    pub(super) fn blame(&self, error: ContainerError) -> ContainerError {
        match self.0.get() {
            Some(broken) => ContainerError::Source(broken.clone()),
            None => error,
        }
    }
}
