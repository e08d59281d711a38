//! What a workflow is and what comes next in it: the definition's types, the one reader that judges
//! it, and the plan. Pure: no I/O, no clock, no async. The same rules stand in SQL
//! (`sql/workflows/workflow_definition_problem.sql`); one corpus of files is judged by both.

mod cursor;
mod definition;
mod parse;
mod plan;
mod validate;

pub use cursor::DefinitionError;
pub use definition::{
    ArtifactGlob, BuiltIn, Command, Limits, Network, Retry, Service, Step, StepRun, Supersede, When, Workflow,
};
pub use parse::parse;
pub use plan::{Ending, Failure, FailureReason, Next, StepState, StepStatus, merge_outputs, plan};
