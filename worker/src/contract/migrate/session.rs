//! The one session that migrates: direct, locked, and patient only up to a limit.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::MigrateError;
use super::locks::Patience;
use crate::contract::DatabaseSettings;
use crate::contract::connection::{DirectConnection, connect_direct};

/// The advisory lock, `odooops` in ASCII.
const LOCK_KEY: i64 = 0x6f_646f_6f6f_7073;

/// Opens a session and makes sure that it is one.
pub(super) async fn open(settings: &DatabaseSettings) -> Result<DirectConnection, MigrateError> {
    let session = connect_direct(settings).await?;
    refuse_pooler(settings, &session.client).await?;
    session
        .client
        .batch_execute(
            "set search_path = ''; set client_min_messages = warning; set statement_timeout = 0; \
             set idle_in_transaction_session_timeout = 0",
        )
        .await?;
    Ok(session)
}

/// Two clients of a transaction pooler share server processes; two direct sessions never do.
async fn refuse_pooler(settings: &DatabaseSettings, client: &Client) -> Result<(), MigrateError> {
    let probe = uuid::Uuid::now_v7().simple().to_string();
    let pid = backend_pid(client).await?;
    client
        .query_typed("select set_config('odooops.session_probe', $1, false)", &[(&probe, Type::TEXT)])
        .await?;
    let other = connect_direct(settings).await?;
    // In a transaction the pooler must keep the process for `other`: most likely the one just used.
    other.client.batch_execute("begin").await?;
    let other_pid = backend_pid(&other.client).await?;
    if other_pid == pid {
        return Err(MigrateError::Pooler {
            evidence: format!("two connections share the server process {pid}"),
        });
    }
    let now_pid = backend_pid(client).await?;
    if now_pid != pid {
        return Err(MigrateError::Pooler {
            evidence: format!("the server process changed from {pid} to {now_pid}"),
        });
    }
    let row =
        client.query_typed_one("select current_setting('odooops.session_probe', true) as probe", &[]).await?;
    if row.try_get::<_, Option<String>>("probe")?.as_deref() != Some(probe.as_str()) {
        return Err(MigrateError::Pooler { evidence: "a session setting was lost".to_owned() });
    }
    Ok(())
}

async fn backend_pid(client: &Client) -> Result<i32, MigrateError> {
    let row = client.query_typed_one("select pg_backend_pid() as pid", &[]).await?;
    Ok(row.try_get("pid")?)
}

/// Takes the advisory lock of this database.
pub(super) async fn lock(settings: &DatabaseSettings, client: &Client) -> Result<(), MigrateError> {
    let patience = Patience::new(settings);
    let limit = patience.total;
    client.batch_execute(&format!("set lock_timeout = {}", limit.as_millis())).await?;
    if let Err(error) = client.query_typed("select pg_advisory_lock($1)", &[(&LOCK_KEY, Type::INT8)]).await {
        if error.code() != Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) {
            return Err(error.into());
        }
        let holder = holder(client).await?;
        return Err(MigrateError::Busy { waited_secs: limit.as_secs(), holder });
    }
    // Nothing of ours waits for a table without a limit; see locks.rs.
    client.batch_execute(&format!("set lock_timeout = {}", patience.one_try.as_millis())).await?;
    Ok(())
}

/// Who holds the lock, for the message.
async fn holder(client: &Client) -> Result<String, MigrateError> {
    let rows = client
        .query_typed(
            "select format('pid %s from %s since %s', a.pid, coalesce(a.client_addr::text, 'a socket'), \
             a.backend_start::timestamptz(0)) as holder \
             from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid \
             where l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
             and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database()) \
             and (l.classid::bigint << 32) | l.objid::bigint = $1",
            &[(&LOCK_KEY, Type::INT8)],
        )
        .await?;
    match rows.first() {
        Some(row) => Ok(row.try_get("holder")?),
        None => Ok("it has just ended, try again".to_owned()),
    }
}

/// Gives the lock back before the connection ends, so that the next one does not wait for the socket.
pub(super) async fn unlock(client: &Client) -> Result<(), MigrateError> {
    client.query_typed("select pg_advisory_unlock($1)", &[(&LOCK_KEY, Type::INT8)]).await?;
    Ok(())
}
