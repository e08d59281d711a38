//! Databases that a run makes for itself, and the comment that says whose they are.

use std::str::FromStr;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{OdooDb, OdooDbError};
use crate::container::Labels;

/// Databases are made and dropped from here; it is always there.
const MAINTENANCE: &str = "postgres";
/// All names of ours start so.
const PREFIX: &str = "odooops_";

/// A database that some run made, found on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDatabase {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub labels: Labels,
}

/// `odooops_<8 hex digits of the instance>_<32 of the run>_<attempt>`: enough to tell whose it is before
/// there is a comment; 51 to 60 characters of the 63 that Postgres keeps.
#[must_use]
pub(in crate::action) fn name_of(labels: &Labels) -> String {
    let instance = labels.instance.simple().to_string();
    format!("{PREFIX}{}_{}_{}", &instance[..8], labels.run_id.simple(), labels.attempt)
}

/// What a name alone says, for a database whose worker died before it wrote the comment.
fn parse_name(name: &str, instance: uuid::Uuid) -> Option<Labels> {
    let (_, rest) = name.strip_prefix(PREFIX)?.split_once('_')?;
    let (run, attempt) = rest.split_once('_')?;
    let labels = Labels {
        instance,
        run_id: uuid::Uuid::try_parse(run).ok()?,
        attempt: attempt.parse().ok()?,
        worker: String::new(),
        expires_unix_secs: 0,
    };
    (name_of(&labels) == name).then_some(labels)
}

/// Makes an empty database as Odoo itself makes it, labelled; one of the same name is dropped first.
pub(in crate::action) async fn create_test_database(
    url: &SecretString,
    labels: &Labels,
) -> Result<String, OdooDbError> {
    let name = name_of(labels);
    let server = OdooDb::connect(url, MAINTENANCE).await?;
    server.run_formatted("drop database if exists %1$I with (force)", &name, "").await?;
    let create =
        "create database %1$I template template0 encoding 'UTF8' lc_collate 'C' connection limit 100";
    server.run_formatted(create, &name, "").await?;
    if let Err(error) = prepare(url, &server, &name, labels).await {
        server.run_formatted("drop database if exists %1$I with (force)", &name, "").await?;
        return Err(error);
    }
    Ok(name)
}

async fn prepare(
    url: &SecretString,
    server: &OdooDb,
    name: &str,
    labels: &Labels,
) -> Result<(), OdooDbError> {
    server.run_formatted("comment on database %1$I is %2$L", name, &comment(labels)).await?;
    let inside = OdooDb::connect(url, name).await?;
    let trigrams = "select name::text from pg_catalog.pg_available_extensions where name = 'pg_trgm'";
    if !inside.query(trigrams, &[]).await?.is_empty() {
        inside.execute("create extension if not exists pg_trgm").await?;
    }
    Ok(())
}

/// Databases of this control plane, by their comment, or by their name where they have none yet; what cannot be read as ours is left out.
///
/// # Errors
/// [`OdooDbError`] when the server cannot be asked.
pub async fn list_test_databases(
    url: &SecretString,
    instance: uuid::Uuid,
) -> Result<Vec<TestDatabase>, OdooDbError> {
    let server = OdooDb::connect(url, MAINTENANCE).await?;
    let rows = server
        .query(
            "select d.datname::text, s.description \
             from pg_catalog.pg_database d \
             left join pg_catalog.pg_shdescription s on s.objoid = d.oid \
              and s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass \
             where pg_catalog.starts_with(d.datname::text, $1) order by 1",
            &[PREFIX],
        )
        .await?;
    let found = rows.iter().filter_map(|row| {
        let (name, comment): (String, Option<&str>) = (row.get(0), row.get(1));
        let labels = match comment {
            Some(comment) => parse_comment(comment)?,
            None => parse_name(&name, instance)?,
        };
        (labels.instance == instance && name == name_of(&labels)).then_some(TestDatabase { name, labels })
    });
    Ok(found.collect())
}

/// Drops a test database, ending its connections; one that is gone is no error.
///
/// # Errors
/// [`OdooDbError::Setting`] for a name that is not ours.
pub async fn drop_database(url: &SecretString, name: &str) -> Result<(), OdooDbError> {
    if !name.starts_with(PREFIX) {
        return Err(OdooDbError::Setting(format!(
            "database {name:?} was not made by odooops and is not dropped"
        )));
    }
    let server = OdooDb::connect(url, MAINTENANCE).await?;
    server.run_formatted("drop database if exists %1$I with (force)", name, "").await
}

impl OdooDb {
    /// Runs a statement that takes no parameters; the server itself quotes what is put in.
    async fn run_formatted(&self, template: &str, name: &str, text: &str) -> Result<(), OdooDbError> {
        let rows = self.query("select pg_catalog.format($1, $2, $3)", &[template, name, text]).await?;
        let statement: String =
            rows.first().map(|row| row.get(0)).ok_or_else(|| self.refused("no statement was formatted"))?;
        self.execute(&statement).await
    }
}

fn comment(labels: &Labels) -> String {
    json!({
        "instance": labels.instance,
        "run": labels.run_id,
        "attempt": labels.attempt,
        "worker": labels.worker,
        "expires": labels.expires_unix_secs,
    })
    .to_string()
}

fn parse_comment(text: &str) -> Option<Labels> {
    let value: Value = serde_json::from_str(text).ok()?;
    let id = |key: &str| uuid::Uuid::from_str(value.get(key)?.as_str()?).ok();
    Some(Labels {
        instance: id("instance")?,
        run_id: id("run")?,
        attempt: i32::try_from(value.get("attempt")?.as_i64()?).ok()?,
        worker: value.get("worker")?.as_str()?.to_owned(),
        expires_unix_secs: value.get("expires")?.as_i64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::testing::run_context;

    #[test]
    fn a_database_is_named_after_its_run_and_attempt() {
        let name = name_of(&run_context().labels);
        assert_eq!(name, "odooops_00000000_019200000000700080 00abcdef012345_1".replace(' ', ""));
        let longest = name_of(&Labels { attempt: i32::MAX, ..run_context().labels });
        assert!(longest.len() <= 63, "{longest}");
    }

    #[test]
    fn a_name_says_whose_a_database_is_before_it_has_a_comment() {
        let labels = run_context().labels;
        let name = name_of(&labels);
        let found = parse_name(&name, labels.instance).expect("ours");
        assert_eq!((found.run_id, found.attempt), (labels.run_id, labels.attempt));
        assert_eq!(parse_name(&name, uuid::Uuid::from_u128(u128::MAX)), None, "of another instance");
        for other in ["odooops_test_production_abc", "production", "odooops_00000000_x_1", "odooops_"] {
            assert_eq!(parse_name(other, labels.instance), None, "{other}");
        }
    }

    #[test]
    fn the_comment_says_whose_it_is() {
        let labels = run_context().labels;
        assert_eq!(parse_comment(&comment(&labels)), Some(labels));
    }

    #[test]
    fn other_comments_are_not_ours() {
        for text in ["", "production", "{}", "[1]", r#"{"instance": "x", "run": "y"}"#] {
            assert_eq!(parse_comment(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_database_of_others_is_never_dropped() {
        let url = SecretString::from("postgres://u:p@192.0.2.1/postgres");
        assert!(matches!(drop_database(&url, "production").await, Err(OdooDbError::Setting(_))));
    }
}
