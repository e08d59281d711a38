//! Files on their way from a workspace (or an action) to the store, one by one, as streams.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::action::{Fault, Level, WORKSPACE};
use crate::container::{ByteStream, ContainerError};
use crate::contract::{ContractError, NewArtifact};
use crate::store::{ObjectKey, Stored, guess_content_type};
use crate::workflow::ArtifactGlob;

use super::desk::{Desk, unless_stopped};
use super::persist::{PersistError, persist};

/// Bytes of a file that are read from the archive at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces under way to the store.
const PIECES: usize = 4;
/// How long the engine may be silent in the middle of an archive.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// Stores the files in the step's workspace that match, by the container that has it mounted.
pub(super) async fn keep(
    desk: &Desk,
    step: &Arc<str>,
    container_id: &str,
    globs: &[ArtifactGlob],
) -> Result<(), Fault> {
    let mut kept = 0;
    for folder in folders(globs) {
        let path = if folder.is_empty() { WORKSPACE.to_owned() } else { format!("{WORKSPACE}/{folder}") };
        let archive = match desk.kit.engine.download(container_id, &path).await {
            Ok(archive) => archive,
            Err(ContainerError::NotFound(_)) => continue,
            Err(error) => return Err(Fault::from(&error)),
        };
        kept += keep_archive(desk, step, archive, &folder, globs).await?;
    }
    if kept == 0 {
        let patterns: Vec<_> = globs.iter().map(ArtifactGlob::as_str).collect();
        let message = format!("artifacts: no file matches {}", patterns.join(", "));
        desk.say(Some(step), Level::Warning, &message).await?;
    }
    Ok(())
}

async fn keep_archive(
    desk: &Desk,
    step: &Arc<str>,
    archive: ByteStream,
    folder: &str,
    globs: &[ArtifactGlob],
) -> Result<usize, Fault> {
    let (found, mut files) = mpsc::channel(1);
    let reader = SyncIoBridge::new(Box::pin(StreamReader::new(bounded(archive))));
    let (folder, globs) = (folder.to_owned(), globs.to_vec());
    let unpacking = tokio::task::spawn_blocking(move || unpack(reader, &folder, &globs, &found));
    let mut kept = 0;
    while let Some(file) = files.recv().await {
        match file {
            Found::File { path, pieces } => {
                let stored = store(desk, &path, None, StreamReader::new(Box::pin(received(pieces)))).await?;
                let message =
                    format!("artifact {path}: {} bytes, sha256 {}", stored.size_bytes, stored.sha256);
                desk.say(Some(step), Level::Info, &message).await?;
                kept += 1;
            }
            Found::Skipped { path } => {
                let message = format!("artifact {path} is a link and not a file; it is not kept");
                desk.say(Some(step), Level::Warning, &message).await?;
            }
        }
    }
    match unpacking.await {
        Ok(Ok(())) => Ok(kept),
        Ok(Err(error)) => {
            Err(Fault::Infra(format!("the engine's archive of the workspace broke off: {error}")))
        }
        Err(error) => Err(Fault::Infra(format!("reading the workspace failed inside: {error}"))),
    }
}

/// Streams one artifact to the store and records it.
pub(super) async fn store(
    desk: &Desk,
    artifact_key: &str,
    content_type: Option<&str>,
    source: impl AsyncRead + Send,
) -> Result<Stored, Fault> {
    let (kit, run, lease) = (&desk.kit, &desk.run, &desk.lease);
    let key = ObjectKey::artifact(&run.project_slug, run.id.0, run.attempt, artifact_key)
        .map_err(|error| Fault::from(&error))?;
    let put = async { kit.store.put(&key, content_type, source).await.map_err(|error| Fault::from(&error)) };
    let stored = unless_stopped(&lease.stop, "the run passed its time limit", put).await?;
    let artifact = NewArtifact {
        artifact_key: artifact_key.to_owned(),
        s3_url: stored.url.clone(),
        size_bytes: i64::try_from(stored.size_bytes).ok(),
        sha256: Some(stored.sha256.clone()),
        content_type: Some(content_type.map_or_else(|| guess_content_type(artifact_key), str::to_owned)),
        expires_at: None,
        metadata: json!({ "attempt": run.attempt }),
    };
    persist(&lease.stop, "add_run_artifact", || {
        kit.contract.add_run_artifact(run.id, &artifact, Some(lease.token))
    })
    .await
    .map_err(|error| unrecorded(artifact_key, &error))?;
    kit.metrics.artifacts.inc();
    kit.metrics.artifact_bytes.inc_by(stored.size_bytes);
    Ok(stored)
}

fn unrecorded(artifact_key: &str, error: &PersistError) -> Fault {
    match error {
        PersistError::LeaseLost => Fault::Stopped("the lease was lost".to_owned()),
        PersistError::Refused(ContractError::Conflict(_)) => Fault::User {
            exit_code: 1,
            message: format!(
                "artifact {artifact_key} was stored before in this run, with other content; name them apart"
            ),
        },
        PersistError::Refused(ContractError::BadArgument(refusal)) => {
            Fault::Invalid(format!("artifact {artifact_key}: {refusal}"))
        }
        PersistError::Refused(_) | PersistError::Broken => {
            Fault::Infra(format!("artifact {artifact_key} could not be recorded: {error}"))
        }
    }
}

/// The longest folders without wildcards that hold everything the globs mean, none within another.
fn folders(globs: &[ArtifactGlob]) -> Vec<String> {
    let mut all: Vec<String> = globs.iter().map(|glob| literal_part(glob.as_str())).collect();
    all.sort_unstable();
    let mut kept: Vec<String> = Vec::new();
    for folder in all {
        let covered =
            |outer: &String| outer.is_empty() || folder == *outer || folder.starts_with(&format!("{outer}/"));
        if !kept.iter().any(covered) {
            kept.push(folder);
        }
    }
    kept
}

fn literal_part(glob: &str) -> String {
    let plain = |segment: &&str| !segment.contains(['*', '?', '[', '{']);
    let segments: Vec<&str> = glob.split('/').take_while(plain).collect();
    segments.join("/")
}

enum Found {
    File { path: String, pieces: mpsc::Receiver<std::io::Result<Bytes>> },
    Skipped { path: String },
}

/// Reads the archive of `folder` on a thread of its own (tar is not async) and hands matching files on.
/// Ends quietly when nobody takes them any more.
fn unpack(
    archive: impl Read,
    folder: &str,
    globs: &[ArtifactGlob],
    found: &mpsc::Sender<Found>,
) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let Some(path) = workspace_path(folder, &entry.path()?.to_string_lossy()) else { continue };
        let kind = entry.header().entry_type();
        if kind.is_dir() || !globs.iter().any(|glob| glob.matches(&path)) {
            continue;
        }
        if !kind.is_file() {
            if found.blocking_send(Found::Skipped { path }).is_err() {
                return Ok(());
            }
            continue;
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        if found.blocking_send(Found::File { path, pieces }).is_err() {
            return Ok(());
        }
        if !send_pieces(&mut entry, &sender)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends a file piece by piece; `false` when nobody takes it any more. A broken archive breaks the file too.
fn send_pieces(file: &mut impl Read, sender: &mpsc::Sender<std::io::Result<Bytes>>) -> std::io::Result<bool> {
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(count) => {
                piece.truncate(count);
                if sender.blocking_send(Ok(Bytes::from(piece))).is_err() {
                    return Ok(false);
                }
            }
            Err(error) => {
                let told = std::io::Error::new(error.kind(), error.to_string());
                drop(sender.blocking_send(Err(told)));
                return Err(error);
            }
        }
    }
}

/// The path below the workspace of an archive's entry: the engine names entries after the last segment of
/// what was asked for.
fn workspace_path(folder: &str, entry: &str) -> Option<String> {
    let below = entry.trim_end_matches('/').split_once('/').map(|(_, below)| below);
    match (folder, below) {
        ("", None) => None,
        ("", Some(below)) => Some(below.to_owned()),
        (folder, None) => Some(folder.to_owned()),
        (folder, Some(below)) => Some(format!("{folder}/{below}")),
    }
}

/// An archive that is not waited for without limit.
fn bounded(archive: ByteStream) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    stream::unfold(archive, |mut archive| async {
        match tokio::time::timeout(SILENCE_LIMIT, archive.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), archive)),
            Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error)), archive)),
            Err(_elapsed) => {
                let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the engine went silent");
                Some((Err(error), archive))
            }
        }
    })
}

fn received(
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    stream::unfold(pieces, |mut pieces| async { pieces.recv().await.map(|piece| (piece, pieces)) })
}
