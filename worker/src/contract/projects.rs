//! Projects, who may use them, and the tools that they share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::json;
use super::{Contract, ContractError, MemberRole};

/// A project that is to be made or changed; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewProject {
    /// Its short name, `^[a-z0-9][a-z0-9-]*$`.
    pub slug: String,
    /// Its name for people; the slug where there is none.
    pub name: Option<String>,
    /// Where its addons are.
    pub repo_url: Option<String>,
    /// The branch that is meant where none is named.
    pub default_branch: Option<String>,
    /// `18.0`.
    pub odoo_version: Option<String>,
    /// How many of its runs may be executed at a time.
    pub max_running: Option<i32>,
    /// A JSON object.
    pub settings: Option<Value>,
}

/// A project's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// `active` or `archived`.
    pub status: String,
    /// Why it is paused, where it is.
    pub paused_reason: Option<String>,
    /// Where its addons are.
    pub repo_url: Option<String>,
    /// The branch that is meant where none is named.
    pub default_branch: Option<String>,
    /// `18.0`.
    pub odoo_version: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A person in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Slug of the project.
    pub project: String,
    /// The person (`sub` of the token).
    pub user_id: Uuid,
    /// What they may do.
    pub role: MemberRole,
}

/// A name for an image that definitions may use.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTool {
    /// The name.
    pub name: String,
    /// The image.
    pub image: String,
    /// Its version.
    pub version: Option<String>,
    /// `sha256:…`, where it is pinned.
    pub digest: Option<String>,
    /// A JSON object.
    pub config: Value,
}

impl Contract {
    /// Makes a project or changes it.
    ///
    /// # Errors
    /// [`ContractError::BadArgument`], [`ContractError::NotPermitted`].
    pub async fn put_project(&self, project: &NewProject) -> Result<Project, ContractError> {
        let row = self
            .row(
                "select to_jsonb(p) as project from ops.put_project(p_slug => $1, p_name => $2, \
                 p_repo_url => $3, p_default_branch => $4, p_odoo_version => $5, p_max_running => $6, \
                 p_settings => $7) p",
                &[
                    (&project.slug, Type::TEXT),
                    (&project.name, Type::TEXT),
                    (&project.repo_url, Type::TEXT),
                    (&project.default_branch, Type::TEXT),
                    (&project.odoo_version, Type::TEXT),
                    (&project.max_running, Type::INT4),
                    (&project.settings, Type::JSONB),
                ],
            )
            .await?;
        json(&row, "project")
    }

    /// Holds a project's queue; running runs go on.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::NotPermitted`].
    pub async fn pause_project(&self, project: &str, reason: &str) -> Result<(), ContractError> {
        self.rows("select ops.pause_project($1, $2)", &[(&project, Type::TEXT), (&reason, Type::TEXT)])
            .await?;
        Ok(())
    }

    /// Lets a paused project's queue go on.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::NotPermitted`].
    pub async fn resume_project(&self, project: &str) -> Result<(), ContractError> {
        self.rows("select ops.resume_project($1)", &[(&project, Type::TEXT)]).await?;
        Ok(())
    }

    /// Says how many runs with a concurrency key a project executes at a time.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::BadArgument`], [`ContractError::NotPermitted`].
    pub async fn put_concurrency_key(
        &self,
        project: &str,
        key: &str,
        max_running: i32,
    ) -> Result<(), ContractError> {
        self.rows(
            "select ops.put_concurrency_key($1, $2, $3)",
            &[(&project, Type::TEXT), (&key, Type::TEXT), (&max_running, Type::INT4)],
        )
        .await?;
        Ok(())
    }

    /// Gives a person a role in a project.
    ///
    /// # Errors
    /// [`ContractError::NotFound`], [`ContractError::NotPermitted`].
    pub async fn put_member(&self, member: &Member) -> Result<(), ContractError> {
        self.rows(
            "select ops.put_member(p_project => $1, p_user_id => $2, p_role => $3)",
            &[
                (&member.project, Type::TEXT),
                (&member.user_id, Type::UUID),
                (&member.role.as_str(), Type::TEXT),
            ],
        )
        .await?;
        Ok(())
    }

    /// Gives an image a name.
    ///
    /// # Errors
    /// [`ContractError::BadArgument`], [`ContractError::NotPermitted`].
    pub async fn put_tool(&self, tool: &NewTool) -> Result<(), ContractError> {
        self.rows(
            "select ops.put_tool(p_name => $1, p_image => $2, p_version => $3, p_digest => $4, p_config => $5)",
            &[
                (&tool.name, Type::TEXT),
                (&tool.image, Type::TEXT),
                (&tool.version, Type::TEXT),
                (&tool.digest, Type::TEXT),
                (&tool.config, Type::JSONB),
            ],
        )
        .await?;
        Ok(())
    }
}
