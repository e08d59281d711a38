//! The store of one machine, on real file systems: full, read-only, and with traps in it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use odooops::store::{Store, StoreError, StoreSettings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::server::files_below;
use super::sources::{End, MIB, Source, bytes, key};
use crate::support::small_disk::SmallDisk;

async fn store_in(folder: &Path) -> Store {
    Store::open(&format!("file://{}", folder.display())).await.expect("an absolute path")
}

#[tokio::test]
async fn objects_come_back_with_size_and_checksum() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(&folder.path().join("made/when needed".replace(' ', "%20"))).await;
    let missing = store.check().await.expect_err("nothing is there yet");
    assert!(matches!(missing, StoreError::NoSuchDirectory { .. }), "{missing:?}");
    assert!(!folder.path().join("made").exists(), "a check makes nothing");
    for size in [0, 3, 3 * MIB + 1] {
        let stored = store.put(&key("a b/dump"), None, Source::new(size, End::Clean)).await.expect("stored");
        assert!(
            stored.url.starts_with("file:///") && stored.url.ends_with("/1/a%20b/dump"),
            "{}",
            stored.url
        );
        let mut object = store.get(&stored.url, Some(&stored.sha256)).await.expect("found");
        let mut back = Vec::new();
        object.reader.read_to_end(&mut back).await.expect("whole");
        assert!(back == bytes(size) && object.size_bytes == size && stored.size_bytes == size);
        assert_eq!(store.presign(&stored.url, Duration::from_secs(1)).await.expect("a URL"), stored.url);
    }
    assert_eq!(files_below(folder.path()).len(), 1, "no temporary file, no probe");
}

#[tokio::test]
async fn an_object_changed_on_disk_is_found_at_the_end() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(folder.path()).await;
    let stored = store.put(&key("x"), None, &b"abc"[..]).await.expect("stored");
    std::fs::write(stored.url.trim_start_matches("file://"), "abd").expect("changed");
    let mut object = store.get(&stored.url, Some(&stored.sha256)).await.expect("found");
    let error = object.reader.read_to_end(&mut Vec::new()).await.expect_err("changed");
    assert!(matches!(StoreError::from_read("", error), StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn a_source_that_fails_leaves_no_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(folder.path()).await;
    let put = store.put(&key("x"), None, Source::new(3 * MIB, End::Fails)).await;
    assert!(matches!(put, Err(StoreError::Source { .. })), "{put:?}");
    assert_eq!(files_below(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_source_that_pauses_is_waited_for() {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = StoreSettings { idle_limit: Duration::from_millis(50), ..StoreSettings::default() };
    let store = Store::open_with(&format!("file://{}", folder.path().display()), settings).await;
    let store = store.expect("an absolute path");
    let (mut feed, source) = tokio::io::duplex(16);
    let feeding = async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        feed.write_all(b"late").await.expect("taken");
    };
    let name = key("x");
    let (stored, ()) = tokio::join!(store.put(&name, None, source), feeding);
    assert_eq!(stored.expect("all of it").size_bytes, 4);
}

#[tokio::test]
async fn a_put_that_is_dropped_leaves_no_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(folder.path()).await;
    let (asked, mut was_asked) = mpsc::unbounded_channel();
    {
        let name = key("x");
        let put = store.put(&name, None, Source::new(3 * MIB, End::Hangs(asked)));
        tokio::select! {
            _ = put => panic!("the source never ends"),
            _ = was_asked.recv() => {}
        }
    }
    assert_eq!(files_below(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn deleting_takes_empty_folders_with_it_and_twice_is_no_error() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(folder.path()).await;
    let stored = store.put(&key("a/b/c"), None, &b"abc"[..]).await.expect("stored");
    store.delete(&stored.url).await.expect("deleted");
    store.delete(&stored.url).await.expect("deleted again");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the root stays").count(), 0);
    assert!(matches!(store.get(&stored.url, None).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_no_file() {
    let disk = SmallDisk::mount("4m");
    let store = store_in(disk.path()).await;
    let put = store.put(&key("dump"), None, Source::new(8 * MIB, End::Clean)).await;
    let error = put.expect_err("the disk has 4 MiB");
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.is_infrastructure());
    assert_eq!(files_below(disk.path()), Vec::<PathBuf>::new());
    store.put(&key("small"), None, Source::new(MIB, End::Clean)).await.expect("there is room again");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_access_denied() {
    // Root writes everywhere but to a file system that is mounted read-only.
    let disk = SmallDisk::mount("4m");
    disk.remount("ro");
    let error = store_in(disk.path()).await.check().await.expect_err("it is read-only");
    assert!(matches!(error, StoreError::AccessDenied { .. }), "{error:?}");
    assert!(error.to_string().contains("owner and mode"), "it says what to do: {error}");
}

#[tokio::test]
async fn a_file_in_the_place_of_a_folder_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let store = store_in(folder.path()).await;
    store.put(&key("a"), None, &b"abc"[..]).await.expect("stored");
    let error = store.put(&key("a/b"), None, &b"abc"[..]).await.expect_err("a is an object");
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    store.put(&key("d/e"), None, &b"abc"[..]).await.expect("stored");
    let error = store.put(&key("d"), None, &b"abc"[..]).await.expect_err("d is a folder");
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn paths_out_of_the_store_are_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path().join("store");
    std::fs::create_dir(&root).expect("made");
    std::fs::write(folder.path().join("secret"), "x").expect("written");
    symlink(folder.path(), root.join("link")).expect("linked");
    let store = store_in(&root).await;
    let base = folder.path().display();
    for url in [
        format!("file://{base}/secret"),
        format!("file://{base}/store/../secret"),
        format!("file://{base}/store/%2e%2e/secret"),
        format!("file://{base}/store/link/secret"),
        format!("file://{base}/store"),
        "file:///etc/passwd".to_owned(),
        "s3://bucket/x".to_owned(),
    ] {
        let error = store.get(&url, None).await.expect_err(&url);
        assert!(matches!(error, StoreError::Invalid { .. }), "{url}: {error:?}");
        assert!(store.delete(&url).await.is_err(), "{url}");
    }
    assert!(folder.path().join("secret").exists());
}

#[tokio::test]
async fn a_folder_that_links_elsewhere_is_not_written_through() {
    let (folder, elsewhere) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    symlink(elsewhere.path(), folder.path().join("shop")).expect("linked");
    let error = store_in(folder.path()).await.put(&key("x"), None, &b"abc"[..]).await.expect_err("a link");
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    assert_eq!(files_below(elsewhere.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn objects_are_readable_by_their_owner() {
    let folder = TempDir::new().expect("a temporary folder");
    let stored = store_in(folder.path()).await.put(&key("x"), None, &b"abc"[..]).await.expect("stored");
    let metadata = std::fs::metadata(stored.url.trim_start_matches("file://")).expect("there");
    assert_eq!(metadata.permissions().mode() & 0o600, 0o600);
}
