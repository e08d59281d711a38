//! What a run left in the object store.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::row::get;
use super::{ClaimToken, Contract, ContractError, RunId};

/// A stored file that is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewArtifact {
    /// Its name within the run, `backup/manifest.json`.
    pub artifact_key: String,
    /// `s3://bucket/key` or `file:///…`.
    pub s3_url: String,
    /// Bytes.
    pub size_bytes: Option<i64>,
    /// Hex.
    pub sha256: Option<String>,
    /// MIME type.
    pub content_type: Option<String>,
    /// When it may be deleted.
    pub expires_at: Option<Timestamp>,
    /// A JSON object.
    pub metadata: Value,
}

/// A recorded artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifact {
    /// The run.
    pub run_id: RunId,
    /// Its name within the run.
    pub artifact_key: String,
    /// Where it is.
    pub s3_url: String,
    /// Bytes.
    pub size_bytes: Option<i64>,
    /// Hex.
    pub sha256: Option<String>,
    /// MIME type.
    pub content_type: Option<String>,
    /// When it may be deleted.
    pub expires_at: Option<Timestamp>,
    /// A JSON object.
    pub metadata: Value,
    /// When it was recorded.
    pub created_at: Timestamp,
}

const COLUMNS: &str =
    "run_id, artifact_key, s3_url, size_bytes, sha256, content_type, expires_at, metadata, created_at";

impl Contract {
    /// Records an artifact; the same key again replaces nothing and returns the row.
    ///
    /// # Errors
    /// [`ContractError::ClaimLost`], [`ContractError::Conflict`] when the key stands for other content.
    pub async fn add_run_artifact(
        &self,
        run_id: RunId,
        artifact: &NewArtifact,
        claim_token: Option<ClaimToken>,
    ) -> Result<Artifact, ContractError> {
        let token = claim_token.map(|token| token.0);
        let sql = format!("select {COLUMNS} from ops.add_run_artifact($1, $2, $3, $4, $5, $6, $7, $8, $9)");
        let row = self
            .row(
                &sql,
                &[
                    (&run_id.0, Type::UUID),
                    (&artifact.artifact_key, Type::TEXT),
                    (&artifact.s3_url, Type::TEXT),
                    (&artifact.size_bytes, Type::INT8),
                    (&artifact.sha256, Type::TEXT),
                    (&artifact.content_type, Type::TEXT),
                    (&artifact.expires_at, Type::TIMESTAMPTZ),
                    (&artifact.metadata, Type::JSONB),
                    (&token, Type::UUID),
                ],
            )
            .await?;
        read(&row)
    }

    /// All artifacts of a run by key.
    ///
    /// # Errors
    /// [`ContractError::NotPermitted`] for login roles that may not read.
    pub async fn run_artifacts(&self, run_id: RunId) -> Result<Vec<Artifact>, ContractError> {
        let sql = format!("select {COLUMNS} from ops.run_artifacts where run_id = $1 order by artifact_key");
        self.rows(&sql, &[(&run_id.0, Type::UUID)]).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Artifact, ContractError> {
    Ok(Artifact {
        run_id: RunId(get(row, "run_id")?),
        artifact_key: get(row, "artifact_key")?,
        s3_url: get(row, "s3_url")?,
        size_bytes: get(row, "size_bytes")?,
        sha256: get(row, "sha256")?,
        content_type: get(row, "content_type")?,
        expires_at: get(row, "expires_at")?,
        metadata: get(row, "metadata")?,
        created_at: get(row, "created_at")?,
    })
}
