//! Roles and schema. Roles belong to the whole cluster while our lock belongs to one database, so two
//! databases that are migrated at once collide here; the loser tries again.

use std::time::Duration;

use rand::RngExt;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::files::SqlFile;
use super::{MigrateError, Schema};
use crate::contract::error::Refusal;

/// Tries before a collision counts as a fault.
const TRIES: u32 = 40;
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Makes the roles, the schema, and the right of this session to work as `ops_owner`.
pub(super) async fn run(client: &Client, schema: &Schema) -> Result<(), MigrateError> {
    for file in &schema.roles {
        run_file(client, file).await?;
    }
    Ok(())
}

async fn run_file(client: &Client, file: &SqlFile) -> Result<(), MigrateError> {
    let mut tries_left = TRIES;
    loop {
        let Err(error) = client.batch_execute(&file.sql).await else { return Ok(()) };
        let Some(db) = error.as_db_error() else { return Err(error.into()) };
        tries_left -= 1;
        if tries_left == 0 || !is_collision(db.code(), db.message()) {
            let refusal = Refusal::from(db);
            return Err(if db.code() == &SqlState::INSUFFICIENT_PRIVILEGE {
                MigrateError::NotPermitted { what: "the roles and the schema cannot be made".into(), refusal }
            } else {
                MigrateError::File { file: file.path.to_string(), refusal }
            });
        }
        let wait = LONGEST_WAIT.mul_f64(rand::rng().random_range(0.05..1.0));
        tokio::time::sleep(wait).await;
    }
}

/// Another session made, changed or granted the same role at the same moment.
fn is_collision(code: &SqlState, message: &str) -> bool {
    code == &SqlState::DUPLICATE_OBJECT
        || code == &SqlState::UNIQUE_VIOLATION
        || code == &SqlState::DUPLICATE_SCHEMA
        || code == &SqlState::T_R_DEADLOCK_DETECTED
        || is_changed_catalog(code.code(), message)
}

/// A row of a system catalog was changed by somebody else just now.
///
/// Postgres has no SQLSTATE of its own for that (`simple_heap_update` in heapam.c raises XX000), hence the
/// only look at a message in this crate.
pub(super) fn is_changed_catalog(sqlstate: &str, message: &str) -> bool {
    sqlstate == SqlState::INTERNAL_ERROR.code()
        && (message.contains("concurrently updated") || message.contains("concurrently deleted"))
}
