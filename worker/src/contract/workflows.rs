//! Workflows: stored as data, validated by the database before they are.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::{get, json};
use super::{Contract, ContractError};

/// A workflow with its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its id.
    pub id: Uuid,
    /// Slug of the project; `None` for a built-in one.
    pub project: Option<String>,
    /// Its name.
    pub name: String,
    /// `build`, `test`, `backup`, `custom`…
    pub kind: String,
    /// Raised with every change of the definition.
    pub version: i32,
    /// Whether it may be used.
    pub enabled: bool,
    /// The definition.
    pub definition: Value,
}

/// What `put_workflow` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowSummary {
    /// Name of the workflow.
    pub name: String,
    /// The version that is current now.
    pub version: i32,
}

const AS_JSON: &str = "jsonb_build_object('id', w.id, 'project', p.slug, 'name', w.name, 'kind', w.kind, \
    'version', w.version, 'enabled', w.enabled, 'definition', w.definition) as workflow \
    from ops.workflows w left join ops.projects p on p.id = w.project_id";

impl Contract {
    /// Stores a definition as the workflow's new version; a kind that is not named stays as it is.
    ///
    /// # Errors
    /// [`ContractError::BadArgument`] with the path of the wrong key, [`ContractError::NotFound`].
    pub async fn put_workflow(
        &self,
        project: &str,
        name: &str,
        definition: &Value,
        kind: Option<&str>,
    ) -> Result<WorkflowSummary, ContractError> {
        let row = self
            .row(
                "select ops.put_workflow($1, $2, $3, $4) as version",
                &[
                    (&project, Type::TEXT),
                    (&name, Type::TEXT),
                    (definition, Type::JSONB),
                    (&kind, Type::TEXT),
                ],
            )
            .await?;
        Ok(WorkflowSummary { name: name.to_owned(), version: get(&row, "version")? })
    }

    /// The workflows that a project can use (its own and the built-in ones); all with `None`.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn workflows(&self, project: Option<&str>) -> Result<Vec<Workflow>, ContractError> {
        let sql = format!(
            "select {AS_JSON} where $1::text is null or w.project_id is null or p.slug = $1 \
             order by p.slug nulls first, w.name"
        );
        let rows = self.rows(&sql, &[(&project, Type::TEXT)]).await?;
        rows.iter().map(|row| json(row, "workflow")).collect()
    }

    /// A workflow by name as `enqueue_run` would find it: the project's own before the built-in one.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn workflow(
        &self,
        project: Option<&str>,
        name: &str,
    ) -> Result<Option<Workflow>, ContractError> {
        let sql = format!(
            "select {AS_JSON} where w.name = $2 and (w.project_id is null or p.slug = $1) \
             order by p.slug nulls last limit 1"
        );
        let rows = self.rows(&sql, &[(&project, Type::TEXT), (&name, Type::TEXT)]).await?;
        rows.first().map(|row| json(row, "workflow")).transpose()
    }

    /// What is wrong with a definition (`path: problem`), or `None`; nothing is stored.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for workers.
    pub async fn workflow_definition_problem(
        &self,
        definition: &Value,
    ) -> Result<Option<String>, ContractError> {
        let row = self
            .row("select ops.workflow_definition_problem($1) as problem", &[(definition, Type::JSONB)])
            .await?;
        get(&row, "problem")
    }
}
