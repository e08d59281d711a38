//! The plan loop of one attempt: ask what comes next, do it, record it, ask again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::action::{Fault, Level, Outputs};
use crate::contract::{self, StepRecord};
use crate::workflow::{self, FailureReason, Next, Step, StepState, StepStatus, Workflow};

use super::desk::Desk;
use super::failure::{Verdict, verdict};
use super::persist::{PersistError, persist};
use super::step::run_step;
use super::stop::StopCause;

/// How an attempt ended, before it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// No step failed.
    Succeeded { result: Value },
    /// A step failed, or the run could not be executed at all.
    Failed { reason: FailureReason, exit_code: Option<i32>, message: String, result: Option<Value> },
    /// Stopped on request.
    Canceled,
    /// The run goes back to the queue.
    Released,
    /// Nothing may be written any more.
    Abandoned,
}

impl Ending {
    pub(super) fn infra(message: &str) -> Self {
        Self::failed(FailureReason::Infra, message.to_owned())
    }

    pub(super) fn failed(reason: FailureReason, message: String) -> Self {
        Self::Failed { reason, exit_code: None, message, result: None }
    }

    fn from_verdict(verdict: Verdict, result: Option<Value>) -> Self {
        match verdict {
            Verdict::Failed { reason, exit_code, message } => {
                Self::Failed { reason, exit_code, message, result }
            }
            Verdict::Canceled => Self::Canceled,
            Verdict::Released => Self::Released,
            Verdict::Abandoned => Self::Abandoned,
        }
    }

    fn unwritten(what: &str, error: &PersistError) -> Self {
        match error {
            PersistError::LeaseLost => Self::Abandoned,
            PersistError::Refused(contract::ContractError::TransitionNotAllowed(_)) => {
                tracing::warn!(%error, what, "the run moved on without us");
                Self::Abandoned
            }
            PersistError::Refused(_) | PersistError::Broken => Self::infra(&format!("{what}: {error}")),
        }
    }
}

/// Executes an attempt; its stop signal ends it early.
pub(super) async fn execute(desk: Arc<Desk>) -> Ending {
    let (contract, lease) = (&desk.kit.contract, &desk.lease);
    let worker_id = desk.kit.settings.worker_id.as_str();
    let started = persist(&lease.stop, "start_workflow_run", || {
        contract.start_workflow_run(lease.run_id, worker_id, lease.token)
    })
    .await;
    if let Err(error) = started {
        return Ending::unwritten("the run could not be started", &error);
    }
    let workflow = match workflow::parse(&desk.run.definition) {
        Ok(workflow) => workflow,
        Err(error) => {
            let of = format!("workflow {} version {}", desk.run.workflow_name, desk.run.workflow_version);
            return Ending::failed(FailureReason::Invalid, format!("{of} is not a good definition: {error}"));
        }
    };
    let limit = time_limit(&desk, &workflow);
    let timer = async {
        tokio::time::sleep(limit).await;
        lease.stop.fire(StopCause::TimedOut);
        std::future::pending::<Ending>().await
    };
    tokio::select! {
        ending = Attempt::new(&desk, &workflow, limit).run() => ending,
        ending = timer => ending,
    }
}

/// The run's own limit, else the workflow's, else the worker's.
fn time_limit(desk: &Desk, workflow: &Workflow) -> Duration {
    let asked = desk.run.timeout_secs.and_then(|secs| u64::try_from(secs).ok());
    asked.or(workflow.timeout_secs.map(u64::from)).map_or(desk.kit.settings.run_timeout, Duration::from_secs)
}

struct Attempt<'a> {
    desk: &'a Arc<Desk>,
    workflow: &'a Workflow,
    limit: Duration,
    states: Vec<StepState>,
    outputs: Outputs,
}

impl<'a> Attempt<'a> {
    fn new(desk: &'a Arc<Desk>, workflow: &'a Workflow, limit: Duration) -> Self {
        let mut attempt = Self { desk, workflow, limit, states: Vec::new(), outputs: Map::new() };
        attempt.take_over();
        attempt
    }

    /// Steps that a retried run does not do again stand under attempt 0, with their outputs.
    fn take_over(&mut self) {
        for state in self.desk.run.step_states.iter().filter(|state| state.attempt == 0) {
            let status = match state.status {
                contract::StepStatus::Succeeded => StepStatus::Succeeded,
                contract::StepStatus::Skipped => StepStatus::Skipped,
                contract::StepStatus::Running
                | contract::StepStatus::Failed
                | contract::StepStatus::Canceled => continue,
            };
            self.states.push(StepState { step: state.step.clone(), status });
            if let Some(outputs) = state.detail.get("outputs").and_then(Value::as_object) {
                workflow::merge_outputs(&mut self.outputs, outputs.clone());
            }
        }
    }

    async fn run(mut self) -> Ending {
        let desk = Arc::clone(self.desk);
        if let Err(error) = desk.kit.engine.create_volume(&desk.name, &desk.labels).await {
            desk.kit.engine_suspect.notify_one();
            let verdict = verdict(&Fault::from(&error), desk.lease.stop.cause());
            return Ending::from_verdict(verdict, None);
        }
        loop {
            let next = workflow::plan(self.workflow, &self.states);
            // What has ended has ended: a request that comes after the last step changes nothing.
            if let (Some(cause), Next::Run(_) | Next::Skip(_)) = (desk.lease.stop.cause(), &next) {
                return self.stopped(cause);
            }
            let outcome = match next {
                Next::Run(index) => self.run_step(&self.workflow.steps[index]).await,
                Next::Skip(index) => {
                    let step = &self.workflow.steps[index];
                    self.record(step, StepStatus::Skipped, Map::new()).await
                }
                Next::Finish(ending) => return self.finish(ending),
            };
            if let Err(ending) = outcome {
                return ending;
            }
        }
    }

    fn stopped(&self, cause: StopCause) -> Ending {
        let message = format!("the run passed its time limit of {} s", self.limit.as_secs());
        let fault = super::desk::stop_fault(cause, &message);
        Ending::from_verdict(verdict(&fault, Some(cause)), self.result())
    }

    fn finish(&self, ending: workflow::Ending) -> Ending {
        match ending {
            workflow::Ending::Succeeded => Ending::Succeeded { result: Value::Object(self.outputs.clone()) },
            workflow::Ending::Canceled => Ending::Canceled,
            workflow::Ending::Failed(failure) => Ending::Failed {
                reason: failure.reason,
                exit_code: failure.exit_code,
                message: failure.message,
                result: self.result(),
            },
        }
    }

    fn result(&self) -> Option<Value> {
        (!self.outputs.is_empty()).then(|| Value::Object(self.outputs.clone()))
    }

    async fn run_step(&mut self, step: &Step) -> Result<(), Ending> {
        self.write(step, contract::StepStatus::Running, None, json!({})).await?;
        let tries = self.states.iter().filter(|state| state.step == step.name).count();
        let (status, outputs) = match run_step(self.desk, self.workflow, step, &self.outputs, tries + 1).await
        {
            Ok(outputs) => (StepStatus::Succeeded, outputs),
            Err(failed) => match verdict(&failed.fault, failed.stopped) {
                Verdict::Failed { reason, exit_code, message } => {
                    let said = self.desk.say(Some(&step.name.as_str().into()), Level::Error, &message).await;
                    drop(said);
                    (StepStatus::Failed { reason, exit_code, message }, Map::new())
                }
                Verdict::Canceled => (StepStatus::Canceled, Map::new()),
                Verdict::Released => return Err(Ending::Released),
                Verdict::Abandoned => return Err(Ending::Abandoned),
            },
        };
        self.record(step, status, self.desk.logs.redact_map(outputs)).await
    }

    /// Records how a try of a step ended, and remembers it for the plan.
    async fn record(&mut self, step: &Step, status: StepStatus, outputs: Outputs) -> Result<(), Ending> {
        let mut detail = Map::new();
        let (word, exit_code) = match &status {
            StepStatus::Running => (contract::StepStatus::Running, None),
            StepStatus::Succeeded => (contract::StepStatus::Succeeded, Some(0)),
            StepStatus::Skipped => (contract::StepStatus::Skipped, None),
            StepStatus::Canceled => (contract::StepStatus::Canceled, None),
            StepStatus::Failed { reason, exit_code, message } => {
                detail.insert("reason".to_owned(), json!(reason.as_str()));
                detail.insert("message".to_owned(), json!(self.desk.logs.redact(message)));
                (contract::StepStatus::Failed, *exit_code)
            }
        };
        if !outputs.is_empty() || status == StepStatus::Succeeded {
            detail.insert("outputs".to_owned(), Value::Object(outputs.clone()));
        }
        self.write(step, word, exit_code, Value::Object(detail)).await?;
        workflow::merge_outputs(&mut self.outputs, outputs);
        self.states.push(StepState { step: step.name.clone(), status });
        Ok(())
    }

    async fn write(
        &self,
        step: &Step,
        status: contract::StepStatus,
        exit_code: Option<i32>,
        detail: Value,
    ) -> Result<(), Ending> {
        let (contract, lease) = (&self.desk.kit.contract, &self.desk.lease);
        let record = StepRecord { step: step.name.clone(), status, exit_code, detail };
        persist(&lease.stop, "record_step", || contract.record_step(lease.run_id, lease.token, &record))
            .await
            .map_err(|error| Ending::unwritten(&format!("step {} could not be recorded", step.name), &error))
    }
}
