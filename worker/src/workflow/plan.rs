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

/// Why a step failed (contract §4, without what only the database can see).
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::workflow::parse;

    /// Steps from words such as `a`, `b:failure`, `c:always`, `d*2` (two further tries).
    fn workflow(words: &str) -> Workflow {
        let steps: Vec<Value> = words
            .split_whitespace()
            .map(|word| {
                let (word, retry) = word.split_once('*').unwrap_or((word, "0"));
                let (name, when) = word.split_once(':').unwrap_or((word, "success"));
                let retry: u32 = retry.parse().expect("a number");
                json!({ "name": name, "image": "x", "when": when, "retry": { "user": retry } })
            })
            .collect();
        parse(&json!({ "steps": steps })).expect("a good definition")
    }

    fn failed(reason: FailureReason) -> StepStatus {
        StepStatus::Failed { reason, exit_code: Some(7), message: "it broke".to_owned() }
    }

    fn status(word: &str) -> StepStatus {
        match word {
            "running" => StepStatus::Running,
            "ok" => StepStatus::Succeeded,
            "skipped" => StepStatus::Skipped,
            "canceled" => StepStatus::Canceled,
            "user" => failed(FailureReason::User),
            "timeout" => failed(FailureReason::Timeout),
            "invalid" => failed(FailureReason::Invalid),
            "infra" => failed(FailureReason::Infra),
            _ => panic!("{word} is no status"),
        }
    }

    /// States from words such as `a=ok`, in order.
    fn states(words: &str) -> Vec<StepState> {
        words
            .split_whitespace()
            .map(|word| word.split_once('=').expect("step=status"))
            .map(|(step, word)| StepState { step: step.to_owned(), status: status(word) })
            .collect()
    }

    /// `run 1`, `skip 1`, `succeeded`, `canceled` or `a: user`.
    fn next(steps: &str, recorded: &str) -> String {
        match plan(&workflow(steps), &states(recorded)) {
            Next::Run(index) => format!("run {index}"),
            Next::Skip(index) => format!("skip {index}"),
            Next::Finish(Ending::Succeeded) => "succeeded".to_owned(),
            Next::Finish(Ending::Canceled) => "canceled".to_owned(),
            Next::Finish(Ending::Failed(failure)) => {
                assert_eq!((failure.exit_code, failure.message.as_str()), (Some(7), "it broke"));
                format!("{}: {}", failure.step, failure.reason.as_str())
            }
        }
    }

    #[test]
    fn the_next_step_follows_from_what_was_recorded() {
        let cases = [
            // In order, to the end.
            ("a b", "", "run 0"),
            ("a b", "a=ok", "run 1"),
            ("a b", "a=ok b=ok", "succeeded"),
            // A restarted worker takes a running step up again.
            ("a b", "a=running", "run 0"),
            ("a b", "a=ok b=running", "run 1"),
            // `when`.
            ("a b", "a=user", "skip 1"),
            ("a b c:failure", "a=user b=skipped", "run 2"),
            ("a b:failure c", "a=ok", "skip 1"),
            ("a b:failure c", "a=ok b=skipped", "run 2"),
            ("a:failure", "a=skipped", "succeeded"),
            ("a b:always c", "a=user", "run 1"),
            ("a b:always c", "a=user b=ok", "skip 2"),
            ("a b:always c", "a=ok", "run 1"),
            // The first failure decides.
            ("a b", "a=user b=skipped", "a: user"),
            ("a b:always", "a=timeout b=user", "a: timeout"),
            ("a b:failure", "a=invalid b=ok", "a: invalid"),
            ("a b:always c", "a=ok b=user c=skipped", "b: user"),
            // Nothing runs after a fault of the machine or a cancel request.
            ("a b:always", "a=infra", "a: infra"),
            ("a b:always c:always", "a=user b=infra", "a: user"),
            ("a b:always", "a=canceled", "canceled"),
            ("a b:always c:always", "a=user b=canceled", "canceled"),
            // Tries within the attempt.
            ("a*2 b", "a=user", "run 0"),
            ("a*2 b", "a=user a=user", "run 0"),
            ("a*2 b", "a=user a=user a=user", "skip 1"),
            ("a*2 b", "a=user a=ok", "run 1"),
            ("a*2 b", "a=user a=running", "run 0"),
            ("a*2 b c:failure", "a=user a=ok b=ok", "skip 2"),
            ("a*2 b", "a=timeout", "skip 1"),
            ("a*2 b", "a=invalid", "skip 1"),
            ("a*2 b", "a=infra", "a: infra"),
            ("a*1 b", "a=user a=timeout b=skipped", "a: timeout"),
        ];
        for (steps, recorded, expected) in cases {
            assert_eq!(next(steps, recorded), expected, "{steps} after {recorded:?}");
        }
    }

    #[test]
    fn outputs_of_later_steps_win() {
        let mut result = Map::new();
        for outputs in [json!({ "a": 1, "b": { "x": 1 } }), json!({ "b": { "y": 2 } })] {
            merge_outputs(&mut result, outputs.as_object().expect("an object").clone());
        }
        assert_eq!(Value::Object(result), json!({ "a": 1, "b": { "y": 2 } }));
    }

    proptest! {
        /// Played to its end with any outcomes, an attempt ends, never goes back, keeps to every `when` and every
        /// number of tries, and is what the first step that failed for good makes it.
        #[test]
        fn every_attempt_ends_and_keeps_its_rules(
            shape in prop::collection::vec((0..3_usize, 0..4_usize), 1..8),
            outcomes in prop::collection::vec(
                prop::sample::select(vec!["ok", "ok", "ok", "user", "user", "timeout", "infra", "canceled"]),
                40,
            ),
        ) {
            let words: Vec<String> = shape
                .iter()
                .enumerate()
                .map(|(index, (when, retry))| {
                    format!("s{index}:{}*{retry}", ["success", "failure", "always"][*when])
                })
                .collect();
            let workflow = workflow(&words.join(" "));
            let mut recorded: Vec<StepState> = Vec::new();
            let mut outcomes = outcomes.iter().copied().chain(std::iter::repeat("ok"));
            let (mut failed_before, mut last_index) = (false, 0);
            let ending = loop {
                prop_assert!(recorded.len() <= 40, "it does not end");
                let (index, status) = match plan(&workflow, &recorded) {
                    Next::Run(index) => (index, status(outcomes.next().expect("endless"))),
                    Next::Skip(index) => (index, StepStatus::Skipped),
                    Next::Finish(ending) => break ending,
                };
                prop_assert!(index == last_index || index == last_index + 1, "out of order");
                if index != last_index {
                    let before = recorded.last().map(|state| &state.status);
                    failed_before |= matches!(before, Some(StepStatus::Failed { .. }));
                }
                last_index = index;
                let step = &workflow.steps[index];
                let runs = status != StepStatus::Skipped;
                prop_assert_eq!(runs, match step.when {
                    When::Success => !failed_before,
                    When::Failure => failed_before,
                    When::Always => true,
                });
                recorded.push(StepState { step: step.name.clone(), status });
                let tries = recorded.iter().filter(|state| state.step == step.name).count();
                prop_assert!(tries <= 1 + step.retry.user as usize);
            };
            let last = recorded.last().expect("at least one step");
            failed_before |= matches!(last.status, StepStatus::Failed { .. });
            match ending {
                Ending::Canceled => prop_assert_eq!(&last.status, &StepStatus::Canceled),
                Ending::Succeeded => prop_assert!(!failed_before),
                Ending::Failed(failure) => {
                    prop_assert!(failed_before);
                    let own = recorded.iter().rev().find(|state| state.step == failure.step);
                    let is_failed = own.is_some_and(|state| matches!(state.status, StepStatus::Failed { .. }));
                    prop_assert!(is_failed);
                }
            }
        }
    }
}
