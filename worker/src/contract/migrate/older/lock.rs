//! All table locks of the room, taken at once and never waited for long: whoever queues behind us waits as well.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::contract::migrate::MigrateError;

/// How long one try waits.
const TRY_MILLIS: u64 = 2_000;
/// Between two tries others get through.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins a transaction and locks the tables in it, or says who holds one of them.
pub(super) async fn begin_with_locks(
    client: &Client,
    tables: &[String],
    patience: Duration,
) -> Result<(), MigrateError> {
    let started = Instant::now();
    loop {
        client.batch_execute(&format!("begin; set local lock_timeout = {TRY_MILLIS}")).await?;
        if tables.is_empty() {
            return Ok(());
        }
        let lock = format!("lock table {} in access exclusive mode", tables.join(", "));
        let Err(error) = client.batch_execute(&lock).await else { return Ok(()) };
        // Who is in the way holds it still, most likely.
        client.batch_execute("rollback").await?;
        if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Err(super::room::refused(&error, "the older tables cannot be locked"));
        }
        if started.elapsed() >= patience {
            return Err(MigrateError::InUse {
                tables: tables.join(", "),
                waited_secs: patience.as_secs(),
                holder: holder(client, tables).await?,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn holder(client: &Client, tables: &[String]) -> Result<String, MigrateError> {
    let row = client
        .query_typed_one(
            "select coalesce(string_agg(distinct format('pid %s (%s, %s)', a.pid, a.usename, a.state), ', '), \
               'nobody any more') as holder \
             from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid \
             where l.granted and l.pid <> pg_backend_pid() and l.locktype = 'relation' \
               and l.relation in (select pg_catalog.to_regclass(t) from unnest($1::text[]) t)",
            &[(&tables, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(row.try_get("holder")?)
}
