//! A run's log as it grows, until the run has ended: for `--wait` and `logs -f`.
//!
//! Reads by polling, so it works behind any pooler; a database that is away for a while is waited for.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Exit;
use super::human::{between, terminal_safe};
use super::output::{Format, Screen};
use super::progress::Progress;
use super::session::Session;
use crate::contract::{ContractError, LogPosition, RunOverview, RunStatus, StoredLogLine};

/// Lines that one call fetches.
const LINES_PER_CALL: i64 = 1000;
/// Between two looks at a run from which nothing new came.
const POLL: Duration = Duration::from_millis(500);
/// How long an unreachable database is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// Looks between two questions why a queued run waits.
const LOOKS_PER_WHY: u32 = 10;

/// Which lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    /// All attempts.
    All,
    /// From a line of an attempt on, later attempts included.
    From {
        /// The attempt.
        attempt: i32,
        /// Number of the first line.
        since_seq: i64,
    },
    /// One attempt only.
    Attempt {
        /// The attempt.
        attempt: i32,
        /// Number of the first line.
        since_seq: i64,
    },
}

impl Selection {
    fn start(self) -> Option<LogPosition> {
        match self {
            Self::All => None,
            Self::From { attempt, since_seq } | Self::Attempt { attempt, since_seq } => {
                Some(LogPosition { attempt, seq: since_seq.saturating_sub(1) })
            }
        }
    }

    fn takes(self, line: &StoredLogLine) -> bool {
        match self {
            Self::All | Self::From { .. } => true,
            Self::Attempt { attempt, .. } => line.position.attempt == attempt,
        }
    }
}

/// What stands around the lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// The bare lines.
    None,
    /// First which run, last how it ended.
    Ends,
}

/// Prints the log and how the run ended, and gives its exit code.
pub(super) async fn to_the_end(session: &mut Session, run: RunOverview) -> anyhow::Result<Exit> {
    let ended = follow(session, run, Selection::All, Frame::Ends).await?;
    Ok(Exit::of_run(ended.status, ended.failure_reason).unwrap_or(Exit::Infrastructure))
}

/// Prints the log until the run has ended.
pub(super) async fn lines_to_the_end(
    session: &mut Session,
    run: RunOverview,
    selection: Selection,
) -> anyhow::Result<()> {
    follow(session, run, selection, Frame::None).await.map(drop)
}

/// Prints what there is, and says on stderr when it is known to be incomplete.
pub(super) async fn lines_so_far(
    session: &mut Session,
    run: &RunOverview,
    selection: Selection,
) -> anyhow::Result<()> {
    let mut log = Log { position: selection.start(), selection, step: None, printed: 0 };
    let mut progress = Progress::none();
    log.print_new(session, run, &mut progress).await?;
    if log.printed == 0 && session.output.format == Format::Human {
        eprintln!("{} has no such lines (it is {}, attempt {})", label(run), run.status, run.attempt);
    }
    Ok(())
}

async fn follow(
    session: &mut Session,
    mut run: RunOverview,
    selection: Selection,
    frame: Frame,
) -> anyhow::Result<RunOverview> {
    let mut log = Log { position: selection.start(), selection, step: None, printed: 0 };
    let mut progress = Progress::new(session.output.format);
    if frame == Frame::Ends && session.output.format == Format::Human {
        session.output.text(&format!("{} {} {}", label(&run), run.id, run.workflow))?;
    }
    let mut unreachable_since: Option<Instant> = None;
    let mut looks = 0;
    loop {
        match look(session, &run, &mut log, &mut progress, looks).await {
            Ok(seen) => {
                unreachable_since = None;
                run = seen;
            }
            Err(error) if is_transient(&error) => {
                let since = *unreachable_since.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(error);
                }
                progress.note(&format!("{}: the database cannot be reached, trying again", label(&run)));
            }
            Err(error) => return Err(error),
        }
        if run.status.is_final() && unreachable_since.is_none() {
            break;
        }
        looks += 1;
        sleep(POLL).await;
    }
    progress.finish();
    if frame == Frame::Ends {
        match session.output.format {
            Format::Human => session.output.text(&ending(&run))?,
            Format::Json => session.output.json_line(&json!({"type": "run", "run": run}))?,
        }
    }
    Ok(run)
}

/// One look: first the state, then the lines, so that a run seen as ended has all its lines here.
async fn look(
    session: &mut Session,
    before: &RunOverview,
    log: &mut Log,
    progress: &mut Progress,
    looks: u32,
) -> anyhow::Result<RunOverview> {
    let run = session.run(before.id).await?;
    match run.status {
        RunStatus::Queued if looks.is_multiple_of(LOOKS_PER_WHY) => {
            let causes = session.contract.explain_wait(run.id).await?;
            let why: Vec<String> = causes.into_iter().map(|cause| cause.detail).collect();
            progress.note(&format!("{} is queued: {}", label(&run), why.join("; ")));
        }
        RunStatus::Queued => {}
        RunStatus::Claimed | RunStatus::Running => {
            let worker = run.more.get("claimed_by").and_then(|worker| worker.as_str()).unwrap_or("a worker");
            let step = log.step.as_deref().map(|step| format!(", step {step}")).unwrap_or_default();
            progress.note(&format!(
                "{} {} on {worker}, attempt {}{step}",
                label(&run),
                run.status,
                run.attempt
            ));
        }
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Canceled => {}
    }
    log.print_new(session, &run, progress).await?;
    Ok(run)
}

/// How far a log is printed.
struct Log {
    position: Option<LogPosition>,
    selection: Selection,
    /// The step that wrote last.
    step: Option<String>,
    printed: u64,
}

impl Log {
    async fn print_new(
        &mut self,
        session: &mut Session,
        run: &RunOverview,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        loop {
            let lines = session.contract.run_logs(run.id, self.position, LINES_PER_CALL).await?;
            let Some(last) = lines.last() else { return Ok(()) };
            self.position = Some(last.position);
            self.step.clone_from(&last.step);
            progress.suspend(|| print(session, lines.iter().filter(|line| self.selection.takes(line))))?;
            self.printed += lines.len() as u64;
        }
    }
}

/// A page of lines in one write.
fn print<'a>(session: &mut Session, lines: impl Iterator<Item = &'a StoredLogLine>) -> anyhow::Result<()> {
    let texts: Vec<String> = match session.output.format {
        Format::Json => lines.map(serde_json::to_string).collect::<Result<_, _>>()?,
        Format::Human => lines.map(|line| shown(line, session.output.screen)).collect(),
    };
    if texts.is_empty() { Ok(()) } else { session.output.text(&texts.join("\n")) }
}

/// `11:07:03 test | message`, the time in UTC.
fn shown(line: &StoredLogLine, screen: Screen) -> String {
    let message = match screen {
        Screen::Terminal => terminal_safe(&line.message),
        Screen::Pipe => line.message.clone(),
    };
    let time = line.timestamp.strftime("%H:%M:%S");
    match &line.step {
        Some(step) => format!("{time} {step} | {message}"),
        None => format!("{time} | {message}"),
    }
}

fn ending(run: &RunOverview) -> String {
    let took = between(run.started_at, run.finished_at);
    let mut text = format!("{} {}", label(run), run.status);
    if !took.is_empty() {
        text.push_str(&format!(" after {took}"));
    }
    if let Some(reason) = run.failure_reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(message) = &run.last_error {
        text.push_str(&format!(": {message}"));
    }
    text
}

fn label(run: &RunOverview) -> String {
    format!("{}#{}", run.project, run.run_number)
}

fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ContractError>().is_some_and(ContractError::is_transient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::LogLevel;

    fn line(attempt: i32, seq: i64, step: Option<&str>, message: &str) -> StoredLogLine {
        StoredLogLine {
            position: LogPosition { attempt, seq },
            step: step.map(str::to_owned),
            timestamp: "2026-01-01T11:07:03.5Z".parse().expect("a time"),
            level: LogLevel::Info,
            message: message.to_owned(),
            metadata: None,
        }
    }

    #[test]
    fn a_line_shows_time_step_and_message() {
        assert_eq!(shown(&line(1, 1, Some("test"), "ok"), Screen::Pipe), "11:07:03 test | ok");
        assert_eq!(shown(&line(1, 1, None, "ok"), Screen::Pipe), "11:07:03 | ok");
    }

    #[test]
    fn escapes_are_kept_for_a_pipe_and_defused_for_a_terminal() {
        let line = line(1, 1, None, "\u{1b}]0;x\u{7}");
        assert!(shown(&line, Screen::Pipe).contains('\u{1b}'));
        assert!(!shown(&line, Screen::Terminal).contains('\u{1b}'));
    }

    #[test]
    fn a_selection_starts_right_before_its_first_line_and_one_attempt_stays_one() {
        let one = Selection::Attempt { attempt: 2, since_seq: 5 };
        assert_eq!(one.start(), Some(LogPosition { attempt: 2, seq: 4 }));
        assert!(one.takes(&line(2, 5, None, "")) && !one.takes(&line(3, 1, None, "")));
        let from = Selection::From { attempt: 2, since_seq: 0 };
        assert_eq!(from.start(), Some(LogPosition { attempt: 2, seq: -1 }));
        assert!(from.takes(&line(3, 1, None, "")));
        assert_eq!(Selection::All.start(), None);
    }
}
