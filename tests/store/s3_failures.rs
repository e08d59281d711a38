//! What S3 does when something is wrong: a clear class of error, and nothing left behind.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use odooops::store::{Store, StoreError, StoreSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::server::{self, S3Server};
use super::sources::{End, MIB, Source, key};

const NOTHING: Vec<PathBuf> = Vec::new();

#[tokio::test]
async fn a_wrong_secret_is_access_denied_and_not_printed() {
    let server = S3Server::start().await;
    let store = server.store_with_secret("s3://artifacts", "wrong-secret-hunter2").await;
    let error = store.check().await.expect_err("the signature is wrong");
    assert!(matches!(error, StoreError::AccessDenied { .. }), "{error:?}");
    assert!(error.is_infrastructure());
    assert!(error.to_string().contains("AWS_SECRET_ACCESS_KEY"), "it says what to do: {error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_unknown_access_key_is_access_denied() {
    let server = S3Server::start().await;
    let mut settings = server.settings();
    settings.keys = Some(("AKIANOBODY".into(), "x".to_owned().into()));
    let store = Store::open_with("s3://artifacts", settings).await.expect("opened");
    let error = store.check().await.expect_err("nobody has this key");
    assert!(matches!(error, StoreError::AccessDenied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let server = S3Server::start().await;
    let store = server.store("s3://no-such-bucket/pre").await;
    let error = store.check().await.expect_err("there is no such bucket");
    assert!(matches!(error, StoreError::NoSuchBucket { .. }), "{error:?}");
    assert!(error.to_string().contains("s3://no-such-bucket/"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_soon() {
    let address = unused_address().await;
    let store = server::open_at("s3://artifacts", address, Duration::from_secs(5)).await;
    let error = within(20, store.check()).await.expect_err("nobody listens");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.is_infrastructure());
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_unreachable() {
    let mut server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    let (asked, mut was_asked) = mpsc::unbounded_channel();
    let (mut feed, source) = tokio::io::duplex(64 * 1024);
    let source = Source::new(20 * MIB, End::Clean).chain(Told { asked, told: false }).chain(source);
    let put = tokio::spawn(async move { store.put(&key("dump"), None, source).await });

    was_asked.recv().await.expect("20 MiB were taken");
    server.stop().await;
    // The upload may fail before or while it takes the rest; both end the put.
    let fed = feed.write_all(&vec![0; 16 * MIB as usize]).await;
    drop((fed, feed));
    let error = within(60, put).await.expect("the task ends").expect_err("the server is gone");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

/// Ends at once, and tells the test that everything before it was read.
struct Told {
    asked: mpsc::UnboundedSender<()>,
    told: bool,
}

impl tokio::io::AsyncRead for Told {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if !self.told {
            self.told = true;
            self.asked.send(()).expect("the test listens");
        }
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let address = silent_server(b"").await;
    let store = server::open_at("s3://artifacts", address, Duration::from_millis(300)).await;
    let error = within(30, store.check()).await.expect_err("no answer");
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_download_that_stands_still_is_given_up() {
    let address = silent_server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").await;
    let store = server::open_at("s3://artifacts", address, Duration::from_millis(300)).await;
    let mut object = store.get("s3://artifacts/x", None).await.expect("the answer began");
    let read = within(30, object.reader.read_to_end(&mut Vec::new())).await;
    let error = StoreError::from_read("s3://artifacts/x", read.expect_err("it never ends"));
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_source_that_fails_leaves_nothing_behind() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    for size in [100, 21 * MIB] {
        let put = store.put(&key("dump"), None, Source::new(size, End::Fails)).await;
        let error = put.expect_err("the source failed");
        assert!(matches!(error, StoreError::Source { .. }), "{error:?}");
        assert!(error.to_string().contains("the engine went away"), "{error}");
        assert_eq!(server.files(), NOTHING, "after {size} bytes");
    }
}

#[tokio::test]
async fn a_source_that_is_silent_for_longer_than_the_server_may_be_is_waited_for() {
    let server = S3Server::start().await;
    let settings = StoreSettings { idle_limit: Duration::from_secs(3), ..server.settings() };
    let store = Store::open_with("s3://artifacts", settings).await.expect("opened");
    let (mut feed, source) = tokio::io::duplex(64 * 1024);
    let feeding = async move {
        tokio::time::sleep(Duration::from_secs(4)).await;
        feed.write_all(&vec![7; 9 * MIB as usize]).await.expect("taken");
        tokio::time::sleep(Duration::from_secs(4)).await;
        feed.write_all(b"the end").await.expect("taken");
    };
    let name = key("dump");
    let (stored, ()) = within(60, async { tokio::join!(store.put(&name, None, source), feeding) }).await;
    assert_eq!(stored.expect("all of it").size_bytes, 9 * MIB + 7);
}

#[tokio::test]
async fn a_source_that_stands_still_is_given_up_where_a_limit_was_asked_for_and_leaves_nothing_behind() {
    let server = S3Server::start().await;
    let settings = StoreSettings { source_limit: Some(Duration::from_secs(5)), ..server.settings() };
    let store = Store::open_with("s3://artifacts", settings).await.expect("opened");
    let (asked, _listening) = mpsc::unbounded_channel();
    let name = key("dump");
    let put = store.put(&name, None, Source::new(17 * MIB, End::Hangs(asked)));
    let error = within(60, put).await.expect_err("the source stands still");
    assert!(matches!(error, StoreError::TimedOut { what: "the source", .. }), "{error:?}");
    assert_eq!(server.files(), NOTHING);
}

#[tokio::test]
async fn a_put_that_is_dropped_is_aborted() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    let (asked, mut was_asked) = mpsc::unbounded_channel();
    {
        let name = key("dump");
        let put = store.put(&name, None, Source::new(21 * MIB, End::Hangs(asked)));
        tokio::select! {
            _ = put => panic!("the source never ends"),
            _ = was_asked.recv() => {}
        }
        assert_ne!(server.files(), NOTHING, "the upload had begun");
    }
    store.settle(Duration::from_secs(20)).await;
    assert_eq!(server.files(), NOTHING);
}

#[tokio::test]
async fn objects_of_other_stores_are_refused() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts/pre").await;
    for url in ["s3://other/pre/x", "s3://artifacts/x", "s3://artifacts/pre/../x", "file:///etc/passwd", "x"]
    {
        for error in [
            store.get(url, None).await.expect_err(url),
            store.delete(url).await.expect_err(url),
            store.presign(url, Duration::from_secs(1)).await.expect_err(url),
        ] {
            assert!(matches!(error, StoreError::Invalid { .. }), "{url}: {error:?}");
        }
    }
}

/// Accepts, says `answer` once something was asked, and then nothing more.
async fn silent_server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    tokio::spawn(async move {
        let mut kept_open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.expect("the listener lives");
            if !answer.is_empty() {
                let mut asked = [0; 4096];
                let count = socket.read(&mut asked).await.expect("a request");
                assert!(count > 0);
                socket.write_all(answer).await.expect("answered");
            }
            kept_open.push(socket);
        }
    });
    address
}

/// An address where nobody listens.
async fn unused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("the port's number")
}

async fn within<T>(secs: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(secs), work).await.expect("it must not hang")
}
