//! One program of an image whose stdout goes to the store: all of it, or nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::filestore::{ArchiveFacts, ArchiveReader};
use super::pipe::{PipeWriter, pipe};
use crate::action::{Fault, Host, OutputTap, RunContext};
use crate::container::lines::LineSplitter;
use crate::container::{ContainerSpec, ImageInfo, NetworkMode, OutputChunk, OutputStream};
use crate::store::Stored;

/// What is kept of a line that a program wrote to stderr.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// How a program ended whose output was to be stored.
pub(super) struct Ended {
    /// Its exit code.
    pub(super) exit_code: i64,
    /// The last line on its stderr.
    pub(super) said: String,
    /// The stored output; `None` when the exit code was none of the good ones.
    pub(super) stored: Option<Stored>,
    /// What the archive reader found, where there was one.
    pub(super) archive: Option<ArchiveFacts>,
}

/// Unique within the attempt: one container a purpose and step.
pub(super) fn container_name(run: &RunContext, purpose: &str) -> String {
    let purpose = purpose.replace('_', "-");
    format!("odooops-{}-{}-{}-{purpose}", run.labels.run_id, run.labels.attempt, run.step)
}

/// A program of the image, in place of its entrypoint, without network.
pub(super) fn spec(run: &RunContext, image: &ImageInfo, program: &str, options: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: container_name(run, program),
        image: image.id.clone(),
        entrypoint: Some(vec![program.to_owned()]),
        command: Some(options.iter().map(|option| (*option).to_owned()).collect()),
        env: BTreeMap::new(),
        workdir: None,
        user: None,
        mounts: Vec::new(),
        network: NetworkMode::None,
        network_aliases: Vec::new(),
        limits: run.limits,
        labels: run.labels.clone(),
    }
}

/// Runs the program and stores its stdout under `key`, if it ends with one of the `good` exit codes.
pub(super) async fn store_output(
    host: &dyn Host,
    spec: ContainerSpec,
    key: &str,
    good: &[i64],
    archive: Option<ArchiveReader>,
) -> Result<Ended, Fault> {
    let (writer, reader) = pipe();
    let run = async {
        // The tap lives in here: when the container fails, its pipe breaks off and nothing is stored.
        let mut tap =
            StoreTap { writer, archive, stderr: LineSplitter::new(MAX_LINE_BYTES), said: String::new() };
        let exit = host.run_container(spec, Some(&mut tap), true).await?;
        tap.finish(exit.code, good.contains(&exit.code)).await
    };
    let (ran, saved) = tokio::join!(run, host.save_artifact(key, "application/octet-stream", reader));
    match (ran, saved) {
        (Ok((ended, Kept::Yes)), Ok(stored)) => Ok(Ended { stored: Some(stored), ..ended }),
        (Ok((ended, Kept::No)), _) => Ok(ended),
        // When the store fails, its own fault says more than the broken pipe; a stop says more than both.
        (Err(fault @ (Fault::Canceled | Fault::Stopped(_) | Fault::Timeout(_))), _)
        | (Ok((_, Kept::Yes)) | Err(_), Err(fault))
        | (Err(fault), Ok(_)) => Err(fault),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
}

struct StoreTap {
    writer: PipeWriter,
    archive: Option<ArchiveReader>,
    stderr: LineSplitter,
    said: String,
}

impl StoreTap {
    async fn finish(mut self, exit_code: i64, good: bool) -> Result<(Ended, Kept), Fault> {
        let mut lines = Vec::new();
        self.stderr.finish(&mut lines);
        self.hear(lines);
        let said = match self.said.as_str() {
            "" => format!("exit code {exit_code}"),
            said => format!("exit code {exit_code}: {said}"),
        };
        let ended = Ended { exit_code, said, stored: None, archive: None };
        if !good {
            return Ok((ended, Kept::No));
        }
        let archive = self.archive.map(ArchiveReader::finish).transpose();
        let archive = archive.map_err(|error| Fault::Infra(error.to_string()))?;
        self.writer.end().await?;
        Ok((Ended { archive, ..ended }, Kept::Yes))
    }

    fn hear(&mut self, lines: Vec<String>) {
        if let Some(last) = lines.into_iter().rfind(|line| !line.trim().is_empty()) {
            self.said = last;
        }
    }
}

#[async_trait]
impl OutputTap for StoreTap {
    async fn chunk(&mut self, chunk: &OutputChunk) -> Result<(), Fault> {
        match chunk.stream {
            OutputStream::Stdout => {
                if let Some(archive) = &mut self.archive {
                    archive.push(&chunk.bytes).map_err(|error| Fault::Infra(error.to_string()))?;
                }
                self.writer.send(Bytes::clone(&chunk.bytes)).await
            }
            OutputStream::Stderr => {
                let mut lines = Vec::new();
                self.stderr.push(&chunk.bytes, &mut lines);
                self.hear(lines);
                Ok(())
            }
        }
    }
}
