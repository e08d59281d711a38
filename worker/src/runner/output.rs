//! From a container's bytes to the log, and from its exit to a fault: one container to its end.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::action::{Fault, Level, OutputTap};
use crate::container::{ContainerError, ContainerExit, Containers, Output, OutputStream};

use super::log_batch::LogLine;
use super::logs::{LogClosed, LogSender, LogStream, SLICE_BYTES};
use super::stop::{StopCause, StopSignal};

/// How long output may be silent after the container's end before we stop waiting for its end (engines
/// have been seen to leave the connection open).
const SILENCE_AFTER_EXIT: Duration = Duration::from_secs(5);
/// How long a container may outlive the grace period before we stop waiting and leave it to the clean-up.
const OUTLIVES_GRACE: Duration = Duration::from_secs(5);

/// What to do with a container's two streams.
pub(super) struct Outlet<'a> {
    /// Where lines go.
    pub(super) logs: LogSender,
    /// Lines of stdout; `None` keeps it out of the log (it is data, and goes to the tap alone).
    pub(super) stdout: Option<LogStream>,
    /// Lines of stderr.
    pub(super) stderr: LogStream,
    /// Sees every chunk first.
    pub(super) tap: Option<&'a mut dyn OutputTap>,
}

/// How a container came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Exited(ContainerExit),
    /// By itself, but not all that it wrote arrived; the log says so.
    Torn(ContainerExit),
    /// We stopped it.
    Stopped(StopCause),
}

/// Why a container could not be followed to its end.
#[derive(Debug)]
pub(super) enum FollowError {
    Engine(ContainerError),
    Step(Fault),
}

/// Starts a container and follows it to its end; when `stop` fires it is stopped (SIGTERM, SIGKILL after
/// `grace`; at once when the lease is lost). The output is read to its end in any case.
pub(super) async fn follow(
    engine: &dyn Containers,
    id: &str,
    outlet: Outlet<'_>,
    stop: &StopSignal,
    grace: Duration,
) -> Result<End, FollowError> {
    let output = engine.start(id).await.map_err(FollowError::Engine)?;
    let logs = outlet.logs.clone();
    let exited = CancellationToken::new();
    let pumping = pump(output, outlet, &exited);
    let waiting = engine.wait(id);
    let stopping = stop_container(engine, id, stop, grace);
    tokio::pin!(pumping, waiting, stopping);
    let (mut end, mut pumped) = (None, None);
    while end.is_none() || pumped.is_none() {
        tokio::select! {
            result = &mut pumping, if pumped.is_none() => pumped = Some(result?),
            result = &mut waiting, if end.is_none() => {
                end = Some(match (stop.cause(), result) {
                    (Some(cause), _) => End::Stopped(cause),
                    (None, Ok(exit)) => End::Exited(exit),
                    (None, Err(error)) => return Err(FollowError::Engine(error)),
                });
                exited.cancel();
            }
            cause = &mut stopping, if end.is_none() => {
                tracing::warn!(container = id, "the container outlived its grace period");
                logs.mark_torn();
                return Ok(End::Stopped(cause));
            }
        }
    }
    let end = match (end, pumped) {
        (Some(End::Exited(exit)), Some(Arrived::InPart)) => Some(End::Torn(exit)),
        (end, _) => end,
    };
    // The loop ends only with an end.
    end.ok_or_else(|| FollowError::Engine(ContainerError::Engine("the container never ended".to_owned())))
}

/// Waits for the stop signal, stops the container, and returns when it should long be gone.
async fn stop_container(engine: &dyn Containers, id: &str, stop: &StopSignal, grace: Duration) -> StopCause {
    let cause = stop.fired().await;
    let stopped = match cause {
        StopCause::LeaseLost => engine.remove(id).await,
        StopCause::Canceled | StopCause::TimedOut | StopCause::Shutdown => {
            let lost_meanwhile = async {
                stop.lost().await;
                engine.remove(id).await
            };
            tokio::select! {
                stopped = engine.stop(id, grace) => stopped,
                removed = lost_meanwhile => removed,
            }
        }
    };
    if let Err(error) = stopped {
        tracing::warn!(container = id, %error, "the container could not be stopped; the clean-up removes it");
    }
    tokio::time::sleep(OUTLIVES_GRACE).await;
    cause
}

/// What came of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrived {
    /// Every byte.
    Whole,
    /// Text whose end or middle is missing.
    InPart,
}

/// Reads to the end. Text may lack bytes (the log then says so), data (a dump) may not.
async fn pump(
    mut output: Output,
    mut outlet: Outlet<'_>,
    exited: &CancellationToken,
) -> Result<Arrived, FollowError> {
    let torn = loop {
        let silent = async {
            exited.cancelled().await;
            tokio::time::sleep(SILENCE_AFTER_EXIT).await;
        };
        let is_data = outlet.stdout.is_none();
        let chunk = tokio::select! {
            chunk = output.next() => chunk,
            () = silent => Some(Err(ContainerError::OutputTorn(
                "it was not closed after the container's end".to_owned(),
            ))),
        };
        let chunk = match chunk {
            None => break None,
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) if is_data => return Err(FollowError::Engine(error)),
            // The exit decides; a torn output alone does not fail a container step.
            Some(Err(error)) => break Some(error),
        };
        if let Some(tap) = outlet.tap.as_mut() {
            tap.chunk(&chunk).await.map_err(FollowError::Step)?;
        }
        for slice in chunk.bytes.chunks(SLICE_BYTES) {
            let lines = outlet.absorb(chunk.stream, slice);
            outlet.logs.send(lines).await?;
        }
    };
    let (logs, step) = (outlet.logs.clone(), outlet.stderr.step());
    for lines in outlet.finish() {
        logs.send(lines).await?;
    }
    let Some(error) = torn else { return Ok(Arrived::Whole) };
    logs.mark_torn();
    logs.say(step.as_ref(), Level::Error, &format!("lines are missing here: {error}")).await?;
    Ok(Arrived::InPart)
}

impl Outlet<'_> {
    fn absorb(&mut self, from: OutputStream, bytes: &[u8]) -> Vec<LogLine> {
        let tap = self.tap.as_deref();
        let stream = match from {
            OutputStream::Stdout => self.stdout.as_mut(),
            OutputStream::Stderr => Some(&mut self.stderr),
        };
        stream.map(|stream| stream.absorb(bytes, |line| level(tap, line))).unwrap_or_default()
    }

    fn finish(self) -> [Vec<LogLine>; 2] {
        let tap = self.tap.as_deref();
        let end = |stream: LogStream| stream.finish(|line| level(tap, line));
        [self.stdout.map(end).unwrap_or_default(), end(self.stderr)]
    }
}

fn level(tap: Option<&dyn OutputTap>, line: &str) -> Level {
    tap.map_or(Level::Info, |tap| tap.level_of(line))
}

impl From<LogClosed> for FollowError {
    fn from(_: LogClosed) -> Self {
        Self::Step(Fault::Stopped("the log of this attempt is closed".to_owned()))
    }
}
