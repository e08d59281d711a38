//! Uploads of unknown length: one PUT while small, else multipart with parts that grow, so that 10,000
//! parts suffice and memory stays within a budget. An upload that does not finish is aborted.

use std::pin::Pin;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;

use super::intake::Intake;
use super::s3::{S3, judge};
use super::{ObjectKey, StoreError, Stored};

const MIB: usize = 1024 * 1024;

/// Below this an object is one PUT. Also the first parts' size; S3 wants at least 5 MiB.
const SMALL_BYTES: usize = 8 * MIB;

/// What parts may hold in memory together, filling and in flight.
const BUDGET_BYTES: usize = 56 * MIB;

/// S3's limit (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const MAX_PARTS: usize = 10_000;

/// Up to which part number parts have which size.
const PART_SIZES: [(usize, usize); 4] =
    [(500, SMALL_BYTES), (1_500, 16 * MIB), (4_000, 28 * MIB), (MAX_PARTS, BUDGET_BYTES)];

/// The largest object: all parts at their size (about 417 GiB).
pub(super) const MAX_OBJECT_BYTES: u64 =
    (500 * SMALL_BYTES + 1_000 * 16 * MIB + 2_500 * 28 * MIB + 6_000 * BUDGET_BYTES) as u64;

/// The size of part `number` (from 1); `None` beyond the last.
fn part_bytes(number: usize) -> Option<usize> {
    PART_SIZES.iter().find(|(last, _)| number <= *last).map(|(_, bytes)| *bytes)
}

/// How many parts may be in flight while one of `bytes` is filled.
fn in_flight_beside(bytes: usize) -> usize {
    BUDGET_BYTES / bytes - 1
}

/// Streams `source` to `key`.
pub(super) async fn put<R: AsyncRead + Send + ?Sized>(
    s3: &S3,
    key: &ObjectKey,
    content_type: &str,
    source: Pin<&mut R>,
) -> Result<Stored, StoreError> {
    let url = s3.url_of(key);
    let mut intake = Intake::new(source, &url, s3.source_limit);
    let first = intake.fill(SMALL_BYTES).await?;
    let target = Target { s3: s3.clone(), key: s3.full_key(key), url: url.clone() };
    if first.len() < SMALL_BYTES {
        target.put_whole(first, content_type).await?;
    } else {
        let mut upload = Upload::start(target, content_type).await?;
        match upload.send(first, &mut intake).await {
            Ok(()) => upload.state = UploadState::Done,
            Err(error) => {
                upload.state = UploadState::Done;
                upload.target.abort(&upload.id).await;
                return Err(error);
            }
        }
    }
    let (size_bytes, sha256) = intake.finish();
    Ok(Stored { url, size_bytes, sha256 })
}

/// The object to be made.
#[derive(Debug, Clone)]
struct Target {
    s3: S3,
    key: String,
    url: String,
}

impl Target {
    async fn put_whole(&self, bytes: Bytes, content_type: &str) -> Result<(), StoreError> {
        let limits = self.s3.limits(bytes.len());
        let request = self.s3.client.put_object().bucket(&self.s3.bucket).key(&self.key);
        let request = request.content_type(content_type).body(ByteStream::from(bytes)).customize();
        request.config_override(limits).send().await.map_err(|error| judge(&self.url, error))?;
        Ok(())
    }

    async fn create(&self, content_type: &str) -> Result<String, StoreError> {
        let request = self.s3.client.create_multipart_upload().bucket(&self.s3.bucket).key(&self.key);
        let request = request.content_type(content_type).customize().config_override(self.s3.limits(0));
        let answer = request.send().await.map_err(|error| judge(&self.url, error))?;
        answer.upload_id.ok_or_else(|| self.failed("the server gave no upload id"))
    }

    async fn send_part(
        &self,
        upload_id: &str,
        number: usize,
        bytes: Bytes,
    ) -> Result<CompletedPart, StoreError> {
        let part_number = i32::try_from(number).map_err(|_| self.failed("part number out of range"))?;
        let limits = self.s3.limits(bytes.len());
        let request = self.s3.client.upload_part().bucket(&self.s3.bucket).key(&self.key);
        let request = request.upload_id(upload_id).part_number(part_number).body(ByteStream::from(bytes));
        let answer = request
            .customize()
            .config_override(limits)
            .send()
            .await
            .map_err(|error| judge(&self.url, error))?;
        Ok(CompletedPart::builder().part_number(part_number).set_e_tag(answer.e_tag).build())
    }

    async fn complete(&self, upload_id: &str, mut parts: Vec<CompletedPart>) -> Result<(), StoreError> {
        parts.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.s3.client.complete_multipart_upload().bucket(&self.s3.bucket).key(&self.key);
        let request = request.upload_id(upload_id).multipart_upload(parts).customize();
        // A server may put hundreds of gigabytes together before it answers.
        let limits = self.s3.limits(BUDGET_BYTES);
        request.config_override(limits).send().await.map_err(|error| judge(&self.url, error))?;
        Ok(())
    }

    async fn abort(&self, upload_id: &str) {
        let request = self.s3.client.abort_multipart_upload().bucket(&self.s3.bucket).key(&self.key);
        let request = request.upload_id(upload_id).customize().config_override(self.s3.limits(0));
        if let Err(error) = request.send().await.map_err(|error| judge(&self.url, error)) {
            tracing::warn!(url = %self.url, %error, "an unfinished upload stays behind; the bucket's lifecycle rule should abort it");
        }
    }

    fn failed(&self, reason: &str) -> StoreError {
        StoreError::Failed { url: self.url.clone(), reason: reason.to_owned() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UploadState {
    Open,
    Done,
}

/// A multipart upload that the server knows; aborted when dropped while open.
#[derive(Debug)]
struct Upload {
    target: Target,
    id: String,
    state: UploadState,
}

impl Upload {
    /// Starts an upload in a task of its own: if the caller is dropped before the server has answered,
    /// the task still learns the upload's id and aborts it.
    async fn start(target: Target, content_type: &str) -> Result<Self, StoreError> {
        let (answer, answered) = oneshot::channel();
        let (own, content_type) = (target.clone(), content_type.to_owned());
        target.s3.aborts.spawn(async move {
            let created = own.create(&content_type).await;
            if let Err(Ok(unwanted)) = answer.send(created) {
                own.abort(&unwanted).await;
            }
        });
        match answered.await {
            Ok(created) => Ok(Self { id: created?, target, state: UploadState::Open }),
            Err(_) => Err(target.failed("the upload was stopped")),
        }
    }

    async fn send<R: AsyncRead + Send + ?Sized>(
        &self,
        first: Bytes,
        intake: &mut Intake<'_, R>,
    ) -> Result<(), StoreError> {
        let mut in_flight = FuturesUnordered::new();
        let mut parts = Vec::new();
        let mut next = first;
        for number in 1.. {
            in_flight.push(self.target.send_part(&self.id, number, next));
            let Some(bytes) = part_bytes(number + 1) else {
                next = intake.fill(1).await?;
                if next.is_empty() {
                    break;
                }
                let url = self.target.url.clone();
                return Err(StoreError::TooLarge { url, limit_bytes: MAX_OBJECT_BYTES });
            };
            while in_flight.len() > in_flight_beside(bytes) {
                parts.extend(in_flight.next().await.transpose()?);
            }
            next = {
                let mut fill = std::pin::pin!(intake.fill(bytes));
                loop {
                    tokio::select! {
                        filled = &mut fill => break filled?,
                        Some(sent) = in_flight.next(), if !in_flight.is_empty() => parts.push(sent?),
                    }
                }
            };
            if next.is_empty() {
                break;
            }
        }
        while let Some(sent) = in_flight.next().await {
            parts.push(sent?);
        }
        self.target.complete(&self.id, parts).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.state == UploadState::Done {
            return;
        }
        let (target, id) = (self.target.clone(), std::mem::take(&mut self.id));
        if tokio::runtime::Handle::try_current().is_ok() {
            self.target.s3.aborts.spawn(async move { target.abort(&id).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_and_ten_thousand_of_them_make_the_largest_object() {
        let sizes: Vec<usize> = (1..).map_while(part_bytes).collect();
        assert_eq!(sizes.len(), MAX_PARTS);
        assert!(sizes.is_sorted());
        assert!(sizes[0] >= 5 * MIB, "S3 refuses smaller parts");
        assert_eq!(sizes.iter().sum::<usize>() as u64, MAX_OBJECT_BYTES);
    }

    #[test]
    fn memory_stays_within_64_mib() {
        for number in 2..=MAX_PARTS {
            let (filling, sent) =
                (part_bytes(number).expect("a part"), part_bytes(number - 1).expect("a part"));
            assert!(filling + in_flight_beside(filling) * sent.max(filling) <= 64 * MIB, "part {number}");
        }
    }
}
