//! A container's output: attached before the start, so that no byte is missed, and ended by what the
//! engine says of the container, not by the connection alone.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};

use super::errors::{Doing, classify};
use super::pace::paced;
use super::{Docker, Link};
use crate::container::{ContainerError, ContainerExit, Output, OutputChunk, OutputStream};

impl Docker {
    pub(super) async fn start_container(&self, id: &str) -> Result<Output, ContainerError> {
        let link = self.link().await?;
        let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        let attach = link.client.attach_container(id, Some(options));
        // Podman prepares the container here already, and fails here where Docker fails at the start.
        let attached = link.call(Doing::Start, "POST /containers/attach", attach).await?;
        let start = link.client.start_container(id, None);
        link.call(Doing::Start, "POST /containers/start", start).await?;
        let output = output(link.clone(), id.to_owned(), attached.output.boxed());
        Ok(paced(link.clone(), id.to_owned(), output))
    }
}

/// Where an output stream is in its life.
enum Stage {
    /// The container runs; the future resolves with its end.
    Running(BoxFuture<'static, Result<ContainerExit, ContainerError>>),
    /// The container has ended; what is still under way is read.
    Draining,
    /// Nothing more comes.
    Ended,
}

struct Reading {
    bytes: BoxStream<'static, Result<LogOutput, Error>>,
    stage: Stage,
    /// After the end, how long the engine may be silent.
    drain: Duration,
}

fn output(link: Link, id: String, bytes: BoxStream<'static, Result<LogOutput, Error>>) -> Output {
    let drain = link.limits.drain;
    let watch = async move { link.wait_for_end(&id).await };
    whole_or_torn(Reading { bytes, stage: Stage::Running(Box::pin(watch)), drain })
}

fn whole_or_torn(reading: Reading) -> Output {
    Box::pin(stream::unfold(reading, |mut reading| async move {
        let item = reading.next_chunk().await?;
        if item.is_err() {
            reading.stage = Stage::Ended;
        }
        Some((item, reading))
    }))
}

impl Reading {
    async fn next_chunk(&mut self) -> Option<Result<OutputChunk, ContainerError>> {
        loop {
            let frame = match &mut self.stage {
                Stage::Ended => return None,
                Stage::Running(end) => tokio::select! {
                    biased;
                    frame = self.bytes.next() => frame,
                    ended = end => {
                        if let Err(error) = ended {
                            return Some(Err(error));
                        }
                        self.stage = Stage::Draining;
                        continue;
                    }
                },
                // The clock runs only while the reader waits for us: a slow reader loses nothing.
                Stage::Draining => match tokio::time::timeout(self.drain, self.bytes.next()).await {
                    Ok(frame) => frame,
                    // Seen with engines (bollard #251); what they still hold nobody knows.
                    Err(_elapsed) => {
                        return Some(Err(ContainerError::OutputTorn(
                            "the engine did not close it after the container's end".to_owned(),
                        )));
                    }
                },
            };
            return match frame {
                Some(Ok(frame)) => Some(chunk(frame)),
                Some(Err(error)) => Some(Err(classify(error, Doing::Call))),
                None => self.closed().await.map(Err),
            };
        }
    }

    /// The connection closed. The container's init holds both streams open until the very end, so
    /// one that goes on running means that the connection was cut and output is being lost.
    async fn closed(&mut self) -> Option<ContainerError> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Draining | Stage::Ended => None,
            Stage::Running(end) => match tokio::time::timeout(self.drain * 2, end).await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error),
                Err(_) => Some(ContainerError::EngineGone(
                    "it closed the output of a container that still runs".to_owned(),
                )),
            },
        }
    }
}

fn chunk(frame: LogOutput) -> Result<OutputChunk, ContainerError> {
    match frame {
        LogOutput::StdOut { message } => Ok(OutputChunk { stream: OutputStream::Stdout, bytes: message }),
        LogOutput::StdErr { message } => Ok(OutputChunk { stream: OutputStream::Stderr, bytes: message }),
        // Without a terminal every byte is framed as one of the two: this is a frame cut in the middle.
        LogOutput::Console { .. } | LogOutput::StdIn { .. } => {
            Err(ContainerError::EngineGone("the output was cut in the middle".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended_after(frames: Vec<&'static str>, rest: BoxStream<'static, Result<LogOutput, Error>>) -> Output {
        let frames = frames.into_iter().map(|text| Ok(LogOutput::StdOut { message: text.into() }));
        let bytes = stream::iter(frames).chain(rest).boxed();
        let exit = ContainerExit { code: 0, oom_killed: false };
        let stage = Stage::Running(Box::pin(std::future::ready(Ok(exit))));
        whole_or_torn(Reading { bytes, stage, drain: Duration::from_millis(20) })
    }

    #[tokio::test]
    async fn an_output_that_is_never_closed_is_torn_and_not_whole() {
        let read: Vec<_> = ended_after(vec!["a", "b"], stream::pending().boxed()).collect().await;
        assert!(matches!(&read[..], [Ok(_), Ok(_), Err(ContainerError::OutputTorn(_))]), "{read:?}");
    }

    #[tokio::test]
    async fn an_output_that_is_closed_after_the_end_is_whole() {
        let read: Vec<_> = ended_after(vec!["a", "b"], stream::empty().boxed()).collect().await;
        assert!(matches!(&read[..], [Ok(_), Ok(_)]), "{read:?}");
    }
}
