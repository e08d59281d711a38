//! `odooops artifact get RUN KEY`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cli::Exit;
use crate::cli::failure::Refused;
use crate::cli::human::bytes;
use crate::cli::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::Artifact;
use crate::store::{Object, StoreError};

/// Which artifact, and where to.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Run id, the beginning of one, or PROJECT#NUMBER.
    run: WhichRun,
    /// The artifact's key, as `artifact list` shows it.
    key: String,
    /// File to write; `-` for stdout. The last part of the key when unset.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

/// Bytes that are in memory at a time.
const BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn execute(args: &GetArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let artifact = super::find(session, &args.run, &args.key).await?;
    let store = session.store().await?;
    let object = store.get(&artifact.s3_url, artifact.sha256.as_deref()).await?;
    if args.output.as_deref() == Some(Path::new("-")) {
        to_stdout(&artifact, object).await?;
        return Ok(Exit::Done);
    }
    let path = args.output.clone().unwrap_or_else(|| default_path(&args.key));
    if path.exists() && !args.force {
        return Err(Refused::usage(
            format!("{} is there already", path.display()),
            "write elsewhere with --output FILE, or over it with --force",
        )
        .into());
    }
    to_file(&artifact, object, &path).await?;
    let answer = json!({"file": path, "artifact": artifact});
    session.output.answer(&answer, |_| {
        format!("{} ({}) written to {}", args.key, bytes(artifact.size_bytes), path.display())
    })?;
    Ok(Exit::Done)
}

/// The last part of the key, never a path: keys come from builds.
fn default_path(key: &str) -> PathBuf {
    Path::new(key).file_name().map_or_else(|| PathBuf::from("artifact"), PathBuf::from)
}

async fn to_stdout(artifact: &Artifact, mut object: Object) -> anyhow::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut stdout = std::io::stdout().lock();
    loop {
        let read = read(artifact, &mut object, &mut buffer).await?;
        if read == 0 {
            stdout.flush()?;
            return Ok(());
        }
        stdout.write_all(&buffer[..read])?;
    }
}

/// Written beside the target and renamed at the end, so that a broken download leaves no half file.
async fn to_file(artifact: &Artifact, mut object: Object, path: &Path) -> anyhow::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let written = fill(artifact, &mut object, &partial).await;
    let moved = match written {
        Ok(()) => tokio::fs::rename(&partial, path).await.with_context(|| writing(path)),
        Err(error) => Err(error),
    };
    if moved.is_err() {
        // The first error is the one to tell; a leftover file is named by its suffix.
        drop(tokio::fs::remove_file(&partial).await);
    }
    moved
}

async fn fill(artifact: &Artifact, object: &mut Object, partial: &Path) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::create(partial).await.with_context(|| writing(partial))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = read(artifact, object, &mut buffer).await?;
        if read == 0 {
            return file.sync_all().await.with_context(|| writing(partial));
        }
        file.write_all(&buffer[..read]).await.with_context(|| writing(partial))?;
    }
}

async fn read(artifact: &Artifact, object: &mut Object, buffer: &mut [u8]) -> Result<usize, StoreError> {
    object.reader.read(buffer).await.map_err(|error| StoreError::from_read(&artifact.s3_url, error))
}

fn writing(path: &Path) -> String {
    format!("writing {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leads_out_of_the_working_directory() {
        for (key, file) in [
            ("backup/manifest.json", "manifest.json"),
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("..", "artifact"),
        ] {
            assert_eq!(default_path(key), PathBuf::from(file), "{key}");
        }
    }
}
