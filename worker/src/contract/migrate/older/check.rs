//! What `migrate --check` takes for right in a database that was migrated over something older: what is written down in
//! `ops.older_objects`, and what `sql/older/` makes. Nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio_postgres::Client;

use super::{Record, compatibility, found};
use crate::contract::migrate::check::Catalog;
use crate::contract::migrate::{Difference, Drift, MigrateError, Schema};

/// What is accepted in one database.
pub(in crate::contract::migrate) struct Accepted {
    recorded: Vec<Record>,
    objects: BTreeSet<String>,
    drifts: Vec<Drift>,
}

impl Accepted {
    /// Reads the notes; nothing is accepted where there are none.
    pub(in crate::contract::migrate) async fn read(client: &Client) -> Result<Self, MigrateError> {
        let recorded = found::recorded(client).await?;
        let mut accepted = Self { recorded, objects: BTreeSet::new(), drifts: Vec::new() };
        if accepted.recorded.is_empty() {
            return Ok(accepted);
        }
        for row in client.query_typed(include_str!("accepted.sql"), &[]).await? {
            accepted.objects.insert(row.try_get("object")?);
        }
        for row in client.query_typed(include_str!("adopted.sql"), &[]).await? {
            accepted.drifts.push(Drift {
                object: row.try_get("object")?,
                difference: Difference::Changed {
                    property: row.try_get("property")?,
                    expected: row.try_get("expected")?,
                    found: row.try_get("found")?,
                },
            });
        }
        Ok(accepted)
    }

    /// Adds to `expected` what this database needs of `sql/older/`, and takes out of `found` what is older.
    pub(in crate::contract::migrate) fn settle(
        self,
        expected: &mut Catalog,
        found: &mut Catalog,
    ) -> Result<Vec<Drift>, MigrateError> {
        if self.recorded.is_empty() {
            return Ok(Vec::new());
        }
        let overlay: Catalog = serde_json::from_str(Schema::older_catalog()).map_err(|error| {
            MigrateError::BadFile { file: "sql/older/catalog.json".to_owned(), problem: error.to_string() }
        })?;
        for (object, facts) in overlay {
            if compatibility::file_of(&object)
                .is_some_and(|file| compatibility::is_needed(file, &self.recorded))
            {
                expected.insert(object, facts);
            }
        }
        found.retain(|object, _| expected.contains_key(object) || !self.objects.contains(object));
        for (object, facts) in found.iter_mut() {
            let Some(expected) = expected.get(object) else { continue };
            let grantees = self.former_grantees(object);
            if let (Some(Value::Array(grants)), Some(wanted)) =
                (facts.get_mut("grants"), expected.get("grants"))
            {
                grants.retain(|grant| {
                    let is_wanted = wanted.as_array().is_some_and(|wanted| wanted.contains(grant));
                    is_wanted || !grant.as_str().is_some_and(|grant| grantees.contains(grant))
                });
            }
        }
        Ok(self.drifts)
    }

    /// Grants that stay because somebody held them before.
    fn former_grantees(&self, object: &str) -> BTreeSet<String> {
        let (older, privilege) = if object == "schema ops" {
            ("ops", "USAGE")
        } else if object.starts_with("column ops.run_events.") {
            ("ops.agent_events", "INSERT")
        } else if object.starts_with("column ops.run_artifacts.") {
            ("ops.agent_artifacts", "INSERT")
        } else {
            return BTreeSet::new();
        };
        self.recorded
            .iter()
            .filter(|record| record.now.as_deref() == Some(older))
            .flat_map(|record| &record.rights)
            .filter(|right| right.privilege == privilege)
            .map(|right| format!("{}: {privilege}", right.grantee))
            .collect()
    }
}

/// What `sql/older/` makes in this catalog: what the committed one does not have, or has otherwise.
pub(in crate::contract::migrate) fn overlay_of(committed: &Catalog, found: &Catalog) -> Catalog {
    found
        .iter()
        .filter(|(object, facts)| {
            committed.get(*object) != Some(*facts) && compatibility::file_of(object).is_some()
        })
        .map(|(object, facts)| (object.clone(), facts.clone()))
        .collect::<BTreeMap<_, _>>()
}
