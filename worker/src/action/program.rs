//! One program of an image whose stdout goes to the store: all of it, or nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::filestore::{ArchiveFacts, ArchiveReader};
use super::pipe::{PipeWriter, pipe};
use super::trailer::{CutShort, NO_SUCH_PROGRAM, Trailer, TrailerReader};
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

/// Runs the program and stores its stdout under `key`, if it ends with one of the `good` exit codes and
/// with the mark by which we know that all of it arrived.
pub(super) async fn store_output(
    host: &dyn Host,
    spec: ContainerSpec,
    key: &str,
    good: &[i64],
    archive: Option<ArchiveReader>,
) -> Result<Ended, Fault> {
    let (writer, reader) = pipe();
    let program: String = spec.entrypoint.iter().flatten().take(1).cloned().collect();
    let trailer = Trailer::new();
    let spec = trailer.wrap(spec);
    let run = async {
        // The tap lives in here: when the container fails, its pipe breaks off and nothing is stored.
        let mut tap = StoreTap {
            writer,
            archive,
            stdout: trailer.reader(),
            stderr: LineSplitter::new(MAX_LINE_BYTES),
            said: String::new(),
            program: program.clone(),
        };
        let exit = host.run_container(spec, Some(&mut tap), true).await?;
        if exit.code == NO_SUCH_PROGRAM {
            return Err(Fault::Invalid(format!("the image has no program {program}")));
        }
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
    stdout: TrailerReader,
    stderr: LineSplitter,
    said: String,
    program: String,
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
        if let Err(CutShort) = self.stdout.finish() {
            let program = &self.program;
            return Err(Fault::Infra(format!(
                "the output of {program} was cut short on its way from the container engine; it is not kept"
            )));
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
                let bytes = self.stdout.push(&chunk.bytes);
                if bytes.is_empty() {
                    return Ok(());
                }
                if let Some(archive) = &mut self.archive {
                    archive.push(&bytes).map_err(|error| Fault::Infra(error.to_string()))?;
                }
                self.writer.send(bytes).await
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

#[cfg(test)]
pub(super) mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::action::testing::run_context;

    /// A program of some image.
    pub(in crate::action) fn spec_of(program: &str, options: &[&str]) -> ContainerSpec {
        let image = ImageInfo {
            id: "sha256:0".to_owned(),
            repo_digest: None,
            user: String::new(),
            has_healthcheck: false,
            size_bytes: 0,
            labels: BTreeMap::new(),
        };
        spec(&run_context(), &image, program, options)
    }

    /// What is stored of an output that lacks its last `missing` bytes, and how the program is judged.
    async fn arrives(missing: usize) -> (std::io::Result<Vec<u8>>, Result<(Ended, Kept), Fault>) {
        let (writer, mut reader) = pipe();
        let trailer = Trailer::new();
        let mark = trailer.wrap(spec_of("pg_dump", &[])).command.expect("arguments").remove(0);
        let mut output = [b"the dump", mark.as_bytes()].concat();
        output.truncate(output.len() - missing);
        let mut tap = StoreTap {
            writer,
            archive: None,
            stdout: trailer.reader(),
            stderr: LineSplitter::new(MAX_LINE_BYTES),
            said: String::new(),
            program: "pg_dump".to_owned(),
        };
        let ending = async {
            let chunk = OutputChunk { stream: OutputStream::Stdout, bytes: output.into() };
            tap.chunk(&chunk).await.expect("taken");
            tap.finish(0, true).await
        };
        let mut stored = Vec::new();
        let (read, ended) = tokio::join!(reader.read_to_end(&mut stored), ending);
        (read.map(|_| stored), ended)
    }

    #[tokio::test]
    async fn an_output_that_ends_with_its_mark_is_stored_without_it() {
        let (stored, ended) = arrives(0).await;
        assert_eq!(stored.expect("whole"), b"the dump");
        assert!(matches!(ended, Ok((_, Kept::Yes))));
    }

    #[tokio::test]
    async fn a_dump_that_was_cut_short_is_infrastructure_although_the_program_ended_well() {
        for missing in [1, 20] {
            let (stored, ended) = arrives(missing).await;
            assert!(stored.is_err(), "nothing is stored");
            match ended {
                Err(Fault::Infra(message)) => assert!(message.contains("cut short"), "{message}"),
                Err(other) => panic!("{other:?}"),
                Ok(_) => panic!("it was taken for whole"),
            }
        }
    }
}
