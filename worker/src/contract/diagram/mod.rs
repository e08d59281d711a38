//! Schema `ops` of a migrated database as diagrams: DBML, Mermaid, a Prisma schema.
//!
//! One read of the catalog gives the `model`, which pure writers turn into text: the same text from every
//! supported version of PostgreSQL, so that the committed files show every change of the schema.

mod dbml;
mod mermaid;
mod model;
mod prisma;
#[cfg(test)]
mod sample;
mod topics;

use tokio_postgres::Client;

use self::model::Diagram;
use super::connection::connect_direct;
use super::error::Refusal;
use super::{ContractError, DatabaseSettings};

/// Reads it all at once.
const CATALOG: &str = include_str!("catalog.sql");

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Database Markup Language, <https://dbml.dbdiagram.io/docs/>.
    Dbml,
    /// An entity relationship diagram of Mermaid.
    Mermaid,
    /// A schema of Prisma 7 for clients that read.
    Prisma,
}

/// The diagram of a migrated database.
///
/// # Errors
/// [`ContractError::Database`] with SQLSTATE 3F000 where the schema is missing; otherwise as any call.
pub async fn export(settings: &DatabaseSettings, notation: Notation) -> Result<String, ContractError> {
    let diagram = read(settings).await?;
    Ok(match notation {
        Notation::Dbml => dbml::write(&diagram),
        Notation::Mermaid => mermaid::write(&diagram),
        Notation::Prisma => prisma::write(&diagram),
    })
}

async fn read(settings: &DatabaseSettings) -> Result<Diagram, ContractError> {
    let client = connect_direct(settings).await?.client;
    let limit = settings.call_timeout;
    tokio::time::timeout(limit, read_catalog(&client)).await.map_err(|_elapsed| {
        ContractError::Unreachable(format!("the catalog was not read within {} s", limit.as_secs()))
    })?
}

async fn read_catalog(client: &Client) -> Result<Diagram, ContractError> {
    // With an empty search path every name in an expression comes with its schema, whoever asks.
    client
        .batch_execute("begin isolation level repeatable read read only; set local search_path = ''")
        .await?;
    let found =
        client.query_typed_one("select pg_catalog.to_regclass('ops.runs') is not null as found", &[]).await?;
    if !super::row::get::<bool>(&found, "found")? {
        return Err(ContractError::Database(Refusal {
            message: "schema ops has no runs: this database was never migrated".to_owned(),
            sqlstate: "3F000".to_owned(),
            ..Refusal::default()
        }));
    }
    super::row::json(&client.query_typed_one(CATALOG, &[]).await?, "diagram")
}

/// The first line of every file.
const MADE_BY: &str = "Schema ops, made from a migrated database by: odooops schema export --format";

/// Words of a comment on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a name needs no quotes in any of the notations.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The constant that a default is, `active` of `'active'::ops.project_status`; `None` for other expressions.
fn text_constant(default: &str) -> Option<String> {
    let (quoted, cast) = default.strip_prefix('\'')?.rsplit_once("'::")?;
    let is_type = cast.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.[]\" ".contains(letter));
    let unquoted = quoted.replace("''", "");
    (is_type && !unquoted.contains('\'')).then(|| quoted.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_told_from_expressions() {
        assert_eq!(text_constant("'active'::ops.project_status").as_deref(), Some("active"));
        assert_eq!(text_constant("'it''s'::text").as_deref(), Some("it's"));
        assert_eq!(text_constant("''::text").as_deref(), Some(""));
        assert_eq!(text_constant("'{}'::text[]").as_deref(), Some("{}"));
        for expression in
            ["now()", "('a'::text || 'b'::text)", "'a'::text || 'b'::text", "3", "lower('A'::text)"]
        {
            assert_eq!(text_constant(expression), None, "{expression}");
        }
    }

    #[test]
    fn plain_names_are_identifiers() {
        assert!(is_plain("run_logs") && is_plain("_x1"));
        for name in ["", "1st", "odd name", "größe", "a-b", "a\"b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
