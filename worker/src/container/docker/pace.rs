//! Between the engine's output and its reader: keeps what the engine would throw away.
//!
//! A reader that stops fills the engine's buffer (1 MB for each stream) and then the container's
//! pipe, so the container waits: that is wanted. But when the container *ends* meanwhile, the engine
//! waits only two seconds for its buffer to empty and then drops what is still in the pipe, without a
//! word (moby, `daemon/monitor.go`; seen on 20.10: up to 100 KB of a log, or the end of a dump). So we
//! never let that happen: a reader that falls behind for most of a second has its container paused,
//! which cannot end while it is paused, and whatever the engine holds is read on into memory.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Link;
use super::errors::Doing;
use crate::container::{ContainerError, Output, OutputChunk};

/// Kept for a reader before the reading stops, and the container with it.
const KEPT_BYTES: usize = 4 << 20;
/// Kept at most while a container is being paused or is paused: what the engine holds for two
/// streams, and what a fast writer writes before it stands still.
const KEPT_BYTES_AT_MOST: usize = 64 << 20;
/// A paused container goes on when no more than this is kept.
const RESUME_BYTES: usize = 1 << 20;
/// What one chunk costs beside its bytes: a container that writes single bytes must not cost 50 times
/// the memory that is counted.
const CHUNK_COST_BYTES: usize = 128;
/// How often it is asked whether the reader keeps up.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Read in one look, this is fast enough to empty pipe and copy buffers of both streams within the
/// engine's two seconds.
const FAST_ENOUGH_BYTES: usize = 256 << 10;

/// What the engine may still have held of both streams when the container ended (1 MB each, pipes and
/// copy buffers): more than this read after a standstill proves that the container outlived it.
const HELD_BY_ENGINE_BYTES: usize = 4 << 20;

/// Gives on what the engine sends, at the pace of the reader.
pub(super) fn paced(link: Link, id: String, engine: Output) -> Output {
    let (sink, source) = mpsc::channel(1);
    let pump = Pump {
        link,
        id,
        engine: Some(engine),
        kept: Kept::default(),
        hold: Hold::Running,
        unheld: Unheld::default(),
    };
    // The task ends by itself with the engine's output, or when the reader is dropped.
    let task = tokio::spawn(pump.run(sink));
    Box::pin(stream::unfold((source, Some(task)), |(mut source, mut task)| async move {
        if let Some(item) = source.recv().await {
            return Some((item, (source, task)));
        }
        let lost = task.take()?.await.err()?;
        let error = ContainerError::Engine(format!("the reading of the output broke off: {lost}"));
        Some((Err(error), (source, None)))
    }))
}

/// Chunks that were read and not yet taken.
#[derive(Default)]
struct Kept {
    chunks: VecDeque<Result<OutputChunk, ContainerError>>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, chunk: Result<OutputChunk, ContainerError>) {
        self.bytes += cost(&chunk);
        self.chunks.push_back(chunk);
    }

    fn pop(&mut self) -> Option<Result<OutputChunk, ContainerError>> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= cost(&chunk);
        Some(chunk)
    }
}

fn cost(chunk: &Result<OutputChunk, ContainerError>) -> usize {
    CHUNK_COST_BYTES + chunk.as_ref().map_or(0, |chunk| chunk.bytes.len())
}

/// Whether the container runs on.
enum Hold {
    Running,
    Pausing(BoxFuture<'static, Result<(), ContainerError>>),
    Paused,
    Resuming(BoxFuture<'static, Result<(), ContainerError>>),
    /// It has ended, or this engine cannot pause: there is nothing to hold.
    Free,
}

struct Pump {
    link: Link,
    id: String,
    /// `None` after its end.
    engine: Option<Output>,
    kept: Kept,
    hold: Hold,
    unheld: Unheld,
}

/// A standstill of the reading while the container was not held: if it ended in there, bytes are lost.
#[derive(Default)]
struct Unheld {
    /// Read since the last standstill; `None` when there was none.
    read_since: Option<usize>,
}

impl Unheld {
    fn stands_still(&mut self) {
        self.read_since = Some(0);
    }

    fn read(&mut self, bytes: usize) {
        self.read_since = self.read_since.map(|since| since.saturating_add(bytes));
    }

    /// The container is held: whatever happened before, it lives.
    fn held(&mut self) {
        self.read_since = None;
    }

    /// What to say at the end of the output.
    fn at_the_end(&self) -> Option<ContainerError> {
        self.read_since.filter(|since| *since <= HELD_BY_ENGINE_BYTES).map(|_| {
            ContainerError::OutputTorn(
                "it was read too slowly, the engine could not pause the container, and dropped what it had \
                 not handed over by its end"
                    .to_owned(),
            )
        })
    }
}

impl Pump {
    async fn run(mut self, sink: mpsc::Sender<Result<OutputChunk, ContainerError>>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read_bytes = 0;
        let mut was_full = false;
        while self.engine.is_some() || !self.kept.chunks.is_empty() {
            let full = self.kept.bytes >= self.limit();
            was_full |= full;
            if full && self.engine.is_some() && matches!(self.hold, Hold::Pausing(_) | Hold::Free) {
                self.unheld.stands_still();
            }
            tokio::select! {
                chunk = next_of(&mut self.engine), if self.engine.is_some() && !full => match chunk {
                    Some(chunk) => {
                        read_bytes += cost(&chunk);
                        self.unheld.read(chunk.as_ref().map_or(0, |chunk| chunk.bytes.len()));
                        self.kept.push(chunk);
                    }
                    None => {
                        self.engine = None;
                        if let Some(torn) = self.unheld.at_the_end() {
                            self.kept.push(Err(torn));
                        }
                    }
                },
                place = sink.reserve(), if !self.kept.chunks.is_empty() => match (place, self.kept.pop()) {
                    (Ok(place), Some(chunk)) => place.send(chunk),
                    // The reader is gone.
                    _ => break,
                },
                () = sink.closed() => break,
                done = settled(&mut self.hold) => self.settle(done),
                _ = looks.tick() => {
                    let behind = was_full && read_bytes < FAST_ENOUGH_BYTES;
                    (read_bytes, was_full) = (0, false);
                    self.look(behind);
                }
            }
        }
        self.let_go().await;
    }

    /// How much may be kept now.
    fn limit(&self) -> usize {
        match self.hold {
            Hold::Running | Hold::Resuming(_) => KEPT_BYTES,
            Hold::Pausing(_) | Hold::Paused | Hold::Free => KEPT_BYTES_AT_MOST,
        }
    }

    fn look(&mut self, behind: bool) {
        match self.hold {
            Hold::Running if behind && self.engine.is_some() => {
                tracing::debug!(container = self.id, "paused: its output is read too slowly");
                let (link, id) = (self.link.clone(), self.id.clone());
                self.hold = Hold::Pausing(Box::pin(async move {
                    link.call(Doing::Call, "POST /containers/pause", link.client.pause_container(&id)).await
                }));
            }
            Hold::Paused if self.kept.bytes <= RESUME_BYTES => self.resume(),
            Hold::Running | Hold::Pausing(_) | Hold::Paused | Hold::Resuming(_) | Hold::Free => {}
        }
    }

    fn resume(&mut self) {
        let (link, id) = (self.link.clone(), self.id.clone());
        self.hold = Hold::Resuming(Box::pin(async move { link.unpause(&id).await }));
    }

    /// What pausing or resuming came to.
    fn settle(&mut self, done: Result<(), ContainerError>) {
        self.hold = match (&self.hold, done) {
            (Hold::Pausing(_), Ok(())) => {
                self.unheld.held();
                Hold::Paused
            }
            (Hold::Resuming(_), Ok(())) => Hold::Running,
            // Ended meanwhile, most likely: what the engine holds is read on at once. Else its last bytes
            // may be lost, and then the end of the output says so.
            (Hold::Pausing(_), Err(error)) => {
                tracing::warn!(container = self.id, %error, "a slow reader's container cannot be paused");
                Hold::Free
            }
            // It stays paused and the next look tries again; the engine's end is seen by the watch.
            (Hold::Resuming(_), Err(error)) => {
                tracing::warn!(container = self.id, %error, "a paused container cannot be resumed yet");
                Hold::Paused
            }
            (Hold::Running | Hold::Paused | Hold::Free, _) => return,
        };
    }

    /// Leaves no container paused behind.
    async fn let_go(mut self) {
        if let Hold::Pausing(pausing) = &mut self.hold {
            pausing.await.ok();
            self.hold = Hold::Paused;
        }
        if matches!(self.hold, Hold::Paused | Hold::Resuming(_))
            && let Err(error) = self.link.unpause(&self.id).await
        {
            tracing::warn!(container = self.id, %error, "a container stays paused");
        }
    }
}

impl Link {
    /// Lets a container run on; one that is gone or not paused is no error.
    pub(super) async fn unpause(&self, id: &str) -> Result<(), ContainerError> {
        let unpause = self.client.unpause_container(id);
        match self.call(Doing::Call, "POST /containers/unpause", unpause).await {
            Err(ContainerError::NotFound(_)) => Ok(()),
            Err(ContainerError::Engine(message))
                if message.contains("not paused") || message.contains("not running") =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

async fn next_of(engine: &mut Option<Output>) -> Option<Result<OutputChunk, ContainerError>> {
    match engine {
        Some(engine) => engine.next().await,
        None => None,
    }
}

/// Resolves when a pausing or resuming under way is done; never otherwise.
async fn settled(hold: &mut Hold) -> Result<(), ContainerError> {
    match hold {
        Hold::Pausing(done) | Hold::Resuming(done) => done.await,
        Hold::Running | Hold::Paused | Hold::Free => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_without_a_pause_is_told_unless_the_container_outlived_it() {
        let mut unheld = Unheld::default();
        unheld.read(10);
        assert!(unheld.at_the_end().is_none(), "it never stood still");
        unheld.stands_still();
        unheld.read(HELD_BY_ENGINE_BYTES);
        assert!(matches!(unheld.at_the_end(), Some(ContainerError::OutputTorn(_))));
        unheld.read(1);
        assert!(unheld.at_the_end().is_none(), "more came than the engine can have held");
        unheld.stands_still();
        unheld.held();
        assert!(unheld.at_the_end().is_none(), "it was paused after all");
    }
}
