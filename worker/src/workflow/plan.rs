//! What comes next in an attempt, from the definition and what has been recorded so far.

use serde_json::{Map, Value};

use super::definition::{Step, When, Workflow};

/// One try of a step, as it was recorded in this attempt. A step that was tried three times has three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// The step's name.
    pub step: String,
    /// How it stands.
    pub status: StepStatus,
}

/// How one try of a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStatus {
    /// Started and not ended: a restarted worker takes it up again.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed {
        /// Whose fault it was.
        reason: FailureReason,
        /// Where a container ended; never 0.
        exit_code: Option<i32>,
        /// What happened, in one line.
        message: String,
    },
    /// Not run because of its `when`.
    Skipped,
    /// Stopped by a cancel request.
    Canceled,
}

/// Why a step failed (docs/workflow-format.md, without what only the database can see).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// The command, test or build failed.
    User,
    /// It passed its time limit.
    Timeout,
    /// The definition or the input asks for something that cannot be.
    Invalid,
    /// The machine failed; the database gives the run to another attempt.
    Infra,
}

impl FailureReason {
    /// The word in `ops.runs.failure_reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::Infra => "infra",
        }
    }
}

/// What the runner does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Run `steps[i]` (again, where its `retry` allows that).
    Run(usize),
    /// Record `steps[i]` as skipped.
    Skip(usize),
    /// Complete the attempt.
    Finish(Ending),
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// No step failed.
    Succeeded,
    /// The first step that failed decides.
    Failed(Failure),
    /// A cancel request stopped a step.
    Canceled,
}

/// The failure that decides the ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Name of the step.
    pub step: String,
    /// Whose fault it was.
    pub reason: FailureReason,
    /// The step's exit code, where it has one.
    pub exit_code: Option<i32>,
    /// What happened, in one line.
    pub message: String,
}

/// Says what comes next. `states` are the tries of this attempt in the order in which they were recorded.
///
/// - Steps run in order; `when` is judged by whether an earlier step failed (its last try, that is).
/// - A step that failed by the user's fault is run again while its `retry` has tries left.
/// - A canceled step ends the attempt at once, and so does an infrastructure fault: the database will give
///   the whole run to another attempt, so neither `failure` nor `always` steps run here.
#[must_use]
pub fn plan(workflow: &Workflow, states: &[StepState]) -> Next {
    let mut failure: Option<Failure> = None;
    for (index, step) in workflow.steps.iter().enumerate() {
        let last = states.iter().rev().find(|state| state.step == step.name);
        match last.map(|state| &state.status) {
            None => return start_or_skip(index, step, failure.is_some()),
            Some(StepStatus::Running) => return Next::Run(index),
            Some(StepStatus::Succeeded | StepStatus::Skipped) => {}
            Some(StepStatus::Canceled) => return Next::Finish(Ending::Canceled),
            Some(StepStatus::Failed { reason, exit_code, message }) => {
                if *reason == FailureReason::User && tries(step, states) <= step.retry.user as usize {
                    return Next::Run(index);
                }
                let failed = failure.get_or_insert_with(|| Failure {
                    step: step.name.clone(),
                    reason: *reason,
                    exit_code: *exit_code,
                    message: message.clone(),
                });
                if *reason == FailureReason::Infra {
                    return Next::Finish(Ending::Failed(failed.clone()));
                }
            }
        }
    }
    Next::Finish(failure.map_or(Ending::Succeeded, Ending::Failed))
}

fn start_or_skip(index: usize, step: &Step, failed_before: bool) -> Next {
    let starts = match step.when {
        When::Success => !failed_before,
        When::Failure => failed_before,
        When::Always => true,
    };
    if starts { Next::Run(index) } else { Next::Skip(index) }
}

/// Tries of a step that failed by the user's fault.
fn tries(step: &Step, states: &[StepState]) -> usize {
    let counts = |state: &&StepState| {
        state.step == step.name
            && matches!(state.status, StepStatus::Failed { reason: FailureReason::User, .. })
    };
    states.iter().filter(counts).count()
}

/// Adds what a step gave out to the run's result; a later step's value for the same key wins.
pub fn merge_outputs(result: &mut Map<String, Value>, outputs: Map<String, Value>) {
    result.extend(outputs);
}
