//! How much of a long stream is in memory while the server is slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use odooops::store::Store;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use super::server::{ACCESS_KEY, SECRET_KEY, serve, settings};
use super::sources::{End, MIB, Source, key};

/// Takes parts, counts and forgets them, and answers each only when the test lets it.
#[derive(Clone)]
struct SlowServer {
    received: Arc<AtomicU64>,
    arrived: mpsc::UnboundedSender<()>,
    answers: Arc<Semaphore>,
}

#[async_trait::async_trait]
impl S3 for SlowServer {
    async fn create_multipart_upload(
        &self,
        _: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let upload_id = Some("upload".to_owned());
        Ok(S3Response::new(CreateMultipartUploadOutput { upload_id, ..Default::default() }))
    }

    async fn upload_part(&self, part: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let mut body = part.input.body.expect("a part has a body");
        while let Some(bytes) = body.next().await {
            let count = bytes.expect("the body arrives whole").len() as u64;
            self.received.fetch_add(count, Ordering::Relaxed);
        }
        self.arrived.send(()).expect("the test listens");
        self.answers.acquire().await.expect("it is never closed").forget();
        let e_tag = Some(ETag::Strong(part.input.part_number.to_string()));
        Ok(S3Response::new(UploadPartOutput { e_tag, ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        _: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        Ok(S3Response::new(CompleteMultipartUploadOutput::default()))
    }
}

async fn start(server: SlowServer) -> SocketAddr {
    let mut builder = S3ServiceBuilder::new(server);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    tokio::spawn(serve(listener, builder.build()));
    address
}

#[tokio::test]
async fn a_slow_server_slows_the_source_and_no_more_than_64_mib_wait() {
    const SIZE: u64 = 76 * MIB;
    let (arrived, mut has_arrived) = mpsc::unbounded_channel();
    let (received, answers) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
    let server = SlowServer { received: received.clone(), arrived, answers: answers.clone() };
    let idle_limit = Duration::from_secs(120);
    let settings = odooops::store::StoreSettings { idle_limit, ..settings(start(server).await, SECRET_KEY) };
    let store = Store::open_with("s3://artifacts", settings).await.expect("opened");

    let given = Arc::new(AtomicU64::new(0));
    let source = Source::new(SIZE, End::Clean).counted(given.clone());
    let put = tokio::spawn(async move { store.put(&key("dump"), None, source.take(SIZE)).await });
    let mut answered = 0;
    while answered * 8 * MIB < SIZE {
        // As many parts arrive as may be under way; then the source waits until one is answered.
        for _ in 0..6.min((SIZE - answered * 8 * MIB).div_ceil(8 * MIB)) {
            has_arrived.recv().await.expect("the server lives");
            answered += 1;
            let waiting = given.load(Ordering::Relaxed) - (answered - 1) / 6 * 6 * 8 * MIB;
            assert!(waiting <= 64 * MIB, "{waiting} bytes wait");
        }
        answers.add_permits(6);
    }
    let stored = put.await.expect("no panic").expect("stored");
    assert_eq!((stored.size_bytes, received.load(Ordering::Relaxed)), (SIZE, SIZE));
}
