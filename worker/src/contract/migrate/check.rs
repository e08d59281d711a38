//! Is the database what `migrations/` and `sql/` say? Asked of the catalog itself, so that nobody's hand stays unseen.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::Client;

use super::{MigrateError, Schema, history, older};
use crate::contract::DatabaseSettings;
use crate::contract::connection::connect_direct;
use crate::contract::error::Refusal;

/// Reads the catalog.
const CATALOG_QUERY: &str = include_str!("catalog.sql");
/// Views whose body is not the one that migrate made. Text of a view depends on the server's major version,
/// so it is compared with what this server said and not with a committed text.
const CHANGED_VIEWS: &str = include_str!("changed_views.sql");

/// Partitions that are not what their table is; the committed catalog knows tables only.
const PARTITIONS: &str = include_str!("partitions.sql");

/// One difference between what is and what should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    /// What differs, `function ops.claim_next_run(p_worker_id text, p_lease_secs integer)`.
    pub object: String,
    /// How it differs.
    #[serde(flatten)]
    pub difference: Difference,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// It should be there and is not.
    Missing,
    /// It is there and should not.
    Unexpected,
    /// It is there with another property.
    Changed {
        /// The property, `security_definer`.
        property: String,
        /// What it should be.
        expected: Value,
        /// What it is.
        found: Value,
    },
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.difference {
            Difference::Missing => write!(f, "{}: is missing", self.object),
            Difference::Unexpected => write!(f, "{}: should not be there", self.object),
            Difference::Changed { property, expected, found } => {
                write!(f, "{}: {property} is {found}, should be {expected}", self.object)
            }
        }
    }
}

/// Every object with its facts.
pub(super) type Catalog = BTreeMap<String, BTreeMap<String, Value>>;

/// Compares a database with what this binary was built with; an empty list means that they agree.
///
/// A database that was never migrated, or not to the end, is reported by its missing migrations alone.
///
/// # Errors
/// [`MigrateError::NewerSchema`], [`MigrateError::Edited`], or when the database cannot be read.
pub async fn check(settings: &DatabaseSettings) -> Result<Vec<Drift>, MigrateError> {
    let client = open(settings).await?;
    let migrations = Schema::embedded().refinery_migrations()?;
    let applied =
        if has_history(&client).await? { history::compare(&client, &migrations).await? } else { Vec::new() };
    let pending: Vec<Drift> = migrations
        .iter()
        .filter(|migration| !applied.contains(&i64::from(migration.version())))
        .map(|migration| Drift { object: format!("migration {migration}"), difference: Difference::Missing })
        .collect();
    if !pending.is_empty() {
        return Ok(pending);
    }
    let (mut expected, mut found) = (committed()?, read(&client).await?);
    let mut drifts = older::Accepted::read(&client).await?.settle(&mut expected, &mut found)?;
    drifts.extend(compare(&expected, &found));
    drifts.extend(changed_views(&client).await?);
    drifts.extend(partitions(&client).await?);
    Ok(drifts)
}

/// The catalog of a database in the form of `sql/catalog.json`: sorted, one object a line.
///
/// # Errors
/// When the database cannot be read.
pub async fn catalog(settings: &DatabaseSettings) -> Result<String, MigrateError> {
    render(&read(&open(settings).await?).await?)
}

/// What `sql/older/` made in a database, in the form of `sql/older/catalog.json`.
///
/// # Errors
/// When the database cannot be read.
pub async fn older_catalog(settings: &[DatabaseSettings]) -> Result<String, MigrateError> {
    let committed = committed()?;
    let mut all = Catalog::new();
    for settings in settings {
        all.extend(older::overlay_of(&committed, &read(&open(settings).await?).await?));
    }
    render(&all)
}

fn committed() -> Result<Catalog, MigrateError> {
    serde_json::from_str(Schema::expected_catalog()).map_err(|error| MigrateError::BadFile {
        file: "sql/catalog.json".to_owned(),
        problem: error.to_string(),
    })
}

fn render(catalog: &Catalog) -> Result<String, MigrateError> {
    let mut text = String::from("{\n");
    for (number, (name, facts)) in catalog.iter().enumerate() {
        let comma = if number + 1 == catalog.len() { "" } else { "," };
        let facts = serde_json::to_string(facts).map_err(unreadable)?;
        text.push_str(&format!("{}: {facts}{comma}\n", Value::from(name.as_str())));
    }
    text.push_str("}\n");
    Ok(text)
}

pub(super) async fn open(settings: &DatabaseSettings) -> Result<Client, MigrateError> {
    let client = connect_direct(settings).await?.client;
    client
        .batch_execute("begin isolation level repeatable read read only; set local search_path = ''")
        .await?;
    Ok(client)
}

async fn has_history(client: &Client) -> Result<bool, MigrateError> {
    let row = client
        .query_typed_one(
            "select pg_catalog.to_regclass($1) is not null as found",
            &[(&history::TABLE, tokio_postgres::types::Type::TEXT)],
        )
        .await?;
    Ok(row.try_get("found")?)
}

async fn read(client: &Client) -> Result<Catalog, MigrateError> {
    let mut catalog = Catalog::new();
    for row in client.query_typed(CATALOG_QUERY, &[]).await? {
        let facts: Value = row.try_get("facts")?;
        catalog.insert(row.try_get("name")?, serde_json::from_value(facts).map_err(unreadable)?);
    }
    Ok(catalog)
}

async fn changed_views(client: &Client) -> Result<Vec<Drift>, MigrateError> {
    let rows = client.query_typed(CHANGED_VIEWS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Drift {
                object: format!("view {}", row.try_get::<_, &str>("identity")?),
                difference: Difference::Changed {
                    property: "body".to_owned(),
                    expected: row.try_get::<_, &str>("expected")?.into(),
                    found: row.try_get::<_, &str>("found")?.into(),
                },
            })
        })
        .collect()
}

async fn partitions(client: &Client) -> Result<Vec<Drift>, MigrateError> {
    let rows = client.query_typed(PARTITIONS, &[]).await?;
    rows.iter()
        .map(|row| {
            let (expected, found): (Option<String>, Option<String>) =
                (row.try_get("expected")?, row.try_get("found")?);
            let difference = match (expected, found) {
                (_, None) => Difference::Missing,
                (None, Some(_)) => Difference::Unexpected,
                (Some(expected), Some(found)) => Difference::Changed {
                    property: row.try_get("property")?,
                    expected: expected.into(),
                    found: found.into(),
                },
            };
            Ok(Drift { object: row.try_get("object")?, difference })
        })
        .collect()
}

fn unreadable(error: serde_json::Error) -> MigrateError {
    MigrateError::File {
        file: "worker/src/contract/migrate/catalog.sql".to_owned(),
        refusal: Refusal::unreadable(error.to_string()),
    }
}

fn compare(expected: &Catalog, found: &Catalog) -> Vec<Drift> {
    let mut drifts = Vec::new();
    for (object, facts) in expected {
        let Some(found_facts) = found.get(object) else {
            drifts.push(Drift { object: object.clone(), difference: Difference::Missing });
            continue;
        };
        let properties = facts.keys().chain(found_facts.keys().filter(|key| !facts.contains_key(*key)));
        for property in properties {
            let value = |facts: &BTreeMap<String, Value>| facts.get(property).cloned().unwrap_or(Value::Null);
            let (expected, found) = (value(facts), value(found_facts));
            if expected != found {
                let property = property.clone();
                let difference = Difference::Changed { property, expected, found };
                drifts.push(Drift { object: object.clone(), difference });
            }
        }
    }
    for object in found.keys().filter(|object| !expected.contains_key(*object)) {
        drifts.push(Drift { object: object.clone(), difference: Difference::Unexpected });
    }
    drifts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(objects: &[(&str, Value)]) -> Catalog {
        objects
            .iter()
            .map(|(name, facts)| {
                ((*name).to_owned(), serde_json::from_value(facts.clone()).expect("an object"))
            })
            .collect()
    }

    #[test]
    fn a_catalog_has_no_drift_from_itself() {
        let one = catalog(&[("index ops.a", serde_json::json!({"valid": true}))]);
        assert_eq!(compare(&one, &one), []);
    }

    #[test]
    fn what_is_missing_unexpected_or_changed_is_named() {
        let expected = catalog(&[
            ("index ops.gone", serde_json::json!({"valid": true})),
            ("index ops.kept", serde_json::json!({"valid": true})),
        ]);
        let found = catalog(&[
            ("index ops.kept", serde_json::json!({"valid": false})),
            ("index ops.new", serde_json::json!({"valid": true})),
        ]);
        let said: Vec<String> = compare(&expected, &found).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "index ops.gone: is missing",
                "index ops.kept: valid is false, should be true",
                "index ops.new: should not be there",
            ]
        );
    }
}
