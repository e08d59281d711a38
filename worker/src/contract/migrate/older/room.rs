//! Makes room in schema `ops`, once, in one transaction together with the notes on it: whoever dies on the way leaves
//! either nothing of it or all of it, and calling migrate again goes on from there.

use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::{Fate, Plan, Record, compatibility, decide, found, statements};
use crate::contract::error::Refusal;
use crate::contract::migrate::locks::Patience;
use crate::contract::migrate::{MigrateError, history};

/// Adopts, moves and drops what stands in the way; the session works as the migrating role.
pub(in crate::contract::migrate) async fn make(
    client: &Client,
    patience: Patience,
) -> Result<Vec<String>, MigrateError> {
    let names = compatibility::names_in_the_way()?;
    let seen = decided(decide::decide(&found::read(client).await?, &names))?;
    if open(&seen).next().is_none() {
        return Ok(Vec::new());
    }
    patience
        .transaction(client, &tables(&seen), async |client| {
            // Under the locks: what was there a moment ago may have changed.
            let found = found::read(client).await?;
            let plan = decided(decide::decide(&found, &names))?;
            for statement in statements::statements(&plan, &found) {
                let what = || format!("room for schema ops cannot be made: {statement}");
                client.batch_execute(&statement).await.map_err(|error| refused(&error, &what()))?;
            }
            write_down(client, &plan).await?;
            Ok(open(&plan).filter(|object| object.fate != Fate::Kept).map(ToString::to_string).collect())
        })
        .await
}

fn decided(plan: Plan) -> Result<Plan, MigrateError> {
    if plan.problems.is_empty() { Ok(plan) } else { Err(MigrateError::InTheWay { problems: plan.problems }) }
}

fn open(plan: &Plan) -> impl Iterator<Item = &Record> {
    plan.objects.iter().filter(|object| object.made_at.is_none())
}

/// The tables that change.
fn tables(plan: &Plan) -> Vec<String> {
    open(plan)
        .filter(|o| o.kind == "table" && matches!(o.fate, Fate::Adopted | Fate::Moved))
        .map(|o| o.older.clone())
        .collect()
}

async fn write_down(client: &Client, plan: &Plan) -> Result<(), MigrateError> {
    client.batch_execute("set local role ops_owner").await?;
    client.batch_execute(history::TABLES).await?;
    let rows: Vec<serde_json::Value> = open(plan)
        .map(|object| {
            json!({
                "kind": object.kind, "older_identity": object.older, "fate": object.fate, "identity": object.now,
                "generation": object.generation, "note": object.note, "definition": object.definition,
                "rights": object.rights,
            })
        })
        .collect();
    client
        .query_typed(
            "insert into ops.older_objects \
               (kind, older_identity, fate, identity, generation, note, definition, rights) \
             select r.* from pg_catalog.jsonb_to_recordset($1) as r (kind text, older_identity text, fate text, \
               identity text, generation text, note text, definition text, rights jsonb)",
            &[(&serde_json::Value::from(rows), Type::JSONB)],
        )
        .await?;
    client.batch_execute("reset role").await?;
    Ok(())
}

/// A refusal in words: most often the migrating role does not own what is there.
pub(super) fn refused(error: &tokio_postgres::Error, what: &str) -> MigrateError {
    let Some(db) = error.as_db_error() else {
        return MigrateError::File {
            file: what.to_owned(),
            refusal: Refusal::unreadable(crate::contract::error::describe(error)),
        };
    };
    let refusal = Refusal::from(db);
    if db.code() == &SqlState::INSUFFICIENT_PRIVILEGE {
        return MigrateError::NotPermitted { what: what.to_owned(), refusal };
    }
    if db.code() == &SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
        return MigrateError::Dependent {
            object: what.to_owned(),
            dependents: db.detail().unwrap_or_default().replace('\n', "; "),
        };
    }
    MigrateError::File { file: what.to_owned(), refusal }
}
