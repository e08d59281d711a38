//! Workflow definitions as the worker reads them. That the database judges alike is tested in
//! `contract/workflow_definition_problem.rs`.

mod corpus;
pub(crate) mod definitions;
