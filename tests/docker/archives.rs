//! Archives into and out of containers: whole, streamed, or an error; never half.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use odooops::container::{ContainerError, Containers};
use tokio::io::{AsyncRead, ReadBuf};

use super::lab::{in_lab, only_file, reader, tar_of, whole};

#[tokio::test]
async fn what_goes_in_comes_out() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("sleep 60")).await.expect("create");
        let archive = tar_of(&[("a/", 0o755, ""), ("a/b.txt", 0o640, "grün\n"), ("a/empty", 0o600, "")]);
        lab.docker.upload(&id, "/opt", reader(archive.clone())).await.expect("before the start");
        assert_eq!(only_file(lab, &id, "/opt/a/b.txt").await, "grün\n".as_bytes());
        drop(lab.docker.start(&id).await.expect("start"));
        lab.docker.upload(&id, "/srv", reader(archive)).await.expect("while it runs");

        let folder = whole(lab.docker.download(&id, "/srv/a").await.expect("download")).await;
        let mut names: Vec<_> = tar::Archive::new(folder.as_slice())
            .entries()
            .expect("tar")
            .map(|entry| entry.expect("entry").path().expect("path").display().to_string())
            .collect();
        names.sort();
        assert_eq!(names, ["a/", "a/b.txt", "a/empty"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("true")).await.expect("create");
        for (id, path) in [(id.as_str(), "/no/such/file"), ("no-such-container", "/etc")] {
            let found = lab.docker.download(id, path).await.map(|_| ());
            assert!(matches!(found, Err(ContainerError::NotFound(_))), "{path}: {found:?}");
        }
        let uploaded = lab.docker.upload("no-such-container", "/", reader(tar_of(&[]))).await;
        assert!(matches!(uploaded, Err(ContainerError::NotFound(_))), "{uploaded:?}");
        let uploaded = lab.docker.upload(&id, "/no/such/folder", reader(tar_of(&[("x", 0o644, "")]))).await;
        assert!(matches!(uploaded, Err(ContainerError::NotFound(_))), "{uploaded:?}");
    })
    .await;
}

#[tokio::test]
async fn a_big_file_is_streamed_whole() {
    in_lab(async |lab| {
        let ran =
            lab.docker.create(&lab.shell("head -c 60000000 /dev/urandom > /big; sha256sum < /big")).await;
        let id = ran.expect("create");
        let output = lab.docker.start(&id).await.expect("start");
        let (sum, _) = super::lab::collect(output).await.expect("output");
        let content = only_file(lab, &id, "/big").await;
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&content);
        assert_eq!(String::from_utf8_lossy(&sum).split(' ').next(), Some(hex::encode(digest).as_str()));
    })
    .await;
}

#[tokio::test]
async fn a_download_that_is_dropped_in_the_middle_leaves_the_engine_well() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("true")).await.expect("create");
        let mut parts = lab.docker.download(&id, "/usr").await.expect("download");
        parts.next().await.expect("a part").expect("bytes");
        drop(parts);
        lab.docker.remove(&id).await.expect("remove");
    })
    .await;
}

/// A source that breaks after its first bytes.
struct Breaks(Option<Vec<u8>>);

impl AsyncRead for Breaks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Some(bytes) = self.0.take() else {
            return Poll::Ready(Err(std::io::Error::other("the source broke")));
        };
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_source_that_breaks_in_the_middle_is_an_error_and_not_the_engines() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("true")).await.expect("create");
        let half = tar_of(&[("half", 0o644, &"x".repeat(4000))])[..2048].to_vec();
        let uploaded = lab.docker.upload(&id, "/opt", Box::pin(Breaks(Some(half)))).await;
        let error = uploaded.expect_err("half an archive");
        assert!(error.to_string().contains("the source broke"), "{error}");
        assert!(matches!(error, ContainerError::Source(_)), "{error}");
    })
    .await;
}
