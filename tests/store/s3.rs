//! What S3 does when all is well.

use std::time::Duration;

use odooops::store::{Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::S3Server;
use super::sources::{End, MIB, Source, bytes, key};

async fn read(store: &Store, url: &str, sha256: Option<&str>) -> Result<Vec<u8>, StoreError> {
    let mut object = store.get(url, sha256).await?;
    let mut out = Vec::new();
    object.reader.read_to_end(&mut out).await.map_err(|error| StoreError::from_read(url, error))?;
    assert_eq!(object.size_bytes, out.len() as u64);
    Ok(out)
}

#[tokio::test]
async fn a_check_leaves_nothing_behind() {
    let server = S3Server::start().await;
    server.store("s3://artifacts/pre/fix").await.check().await.expect("the store works");
    assert_eq!(server.files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn small_objects_come_back_with_size_and_checksum() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts/pre").await;
    let stored = store.put(&key("report.txt"), None, &b"abc"[..]).await.expect("stored");

    let prefix = "s3://artifacts/pre/shop/runs/00000000-0000-0000-0000-000000000000/1/report.txt";
    assert_eq!(stored.url, prefix);
    assert_eq!(stored.size_bytes, 3);
    assert_eq!(stored.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(read(&store, &stored.url, Some(&stored.sha256)).await.expect("read"), b"abc");
    assert!(server.root().join(prefix.trim_start_matches("s3://")).is_file(), "path style, below the prefix");
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    let stored = store.put(&key("empty"), None, tokio::io::empty()).await.expect("stored");
    assert_eq!(stored.size_bytes, 0);
    assert_eq!(read(&store, &stored.url, Some(&stored.sha256)).await.expect("read"), b"");
}

#[tokio::test]
async fn objects_around_the_size_of_a_part_come_back_whole() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    for size in [8 * MIB - 1, 8 * MIB, 20 * MIB + 7] {
        let stored = store.put(&key("dump"), None, Source::new(size, End::Clean)).await.expect("stored");
        assert_eq!(stored.size_bytes, size);
        let back = read(&store, &stored.url, Some(&stored.sha256)).await.expect("read");
        assert!(back == bytes(size), "{size} bytes came back changed");
    }
}

#[tokio::test]
async fn names_with_blanks_and_signs_are_kept() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts/p").await;
    for name in ["a b/ü.txt", "100%/x+y&z=1.txt", "q?#[1].txt"] {
        let stored = store.put(&key(name), None, name.as_bytes()).await.expect(name);
        assert!(stored.url.ends_with(name), "{}", stored.url);
        assert_eq!(read(&store, &stored.url, None).await.expect(name), name.as_bytes());
    }
}

#[tokio::test]
async fn another_checksum_is_found_at_the_end() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    let stored = store.put(&key("x"), None, &b"abc"[..]).await.expect("stored");
    let other = "0".repeat(64);
    let error = read(&store, &stored.url, Some(&other)).await.expect_err("another checksum");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn deleting_twice_is_no_error_and_reading_then_is_not_found() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts").await;
    let stored = store.put(&key("x"), None, &b"abc"[..]).await.expect("stored");
    store.delete(&stored.url).await.expect("deleted");
    store.delete(&stored.url).await.expect("deleted again");
    let error = store.get(&stored.url, None).await.expect_err("it is gone");
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert!(!error.is_infrastructure());
}

#[tokio::test]
async fn a_presigned_url_is_fetched_by_a_plain_client() {
    let server = S3Server::start().await;
    let store = server.store("s3://artifacts/pre").await;
    let stored = store.put(&key("page.html"), None, &b"<p>hello</p>"[..]).await.expect("stored");

    let signed = store.presign(&stored.url, Duration::from_secs(60)).await.expect("a URL");
    let (head, body) = http_get(&signed).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: text/html"), "{head}");
    assert_eq!(body, "<p>hello</p>");

    let (unsigned, _) = signed.split_once('?').expect("a signature");
    let (head, _) = http_get(unsigned).await;
    assert!(head.starts_with("HTTP/1.1 403"), "without a signature: {head}");
}

async fn http_get(url: &str) -> (String, String) {
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}
