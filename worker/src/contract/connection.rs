//! Connections: a pool for calls, direct ones for `migrate` and LISTEN. Every wait is bounded.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row};

use super::error::{Refusal, describe};
use super::settings::{DatabaseSettings, Target};
use super::{ContractError, tls};

/// A bound value with its built-in type: nothing is looked up, so a transaction pooler does not matter.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// A bounded pool of connections.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool,
    call_timeout: Duration,
}

impl Connections {
    /// A pool for these settings; nothing is connected yet.
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, ContractError> {
        let target = settings.parse()?;
        let connector = tls::connector(&target)?;
        let manager = Manager::from_config(
            target.config,
            connector,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.max_connections)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(settings.connect_timeout))
            .wait_timeout(Some(settings.call_timeout))
            .recycle_timeout(Some(settings.connect_timeout))
            .build()
            .map_err(|error| ContractError::Database(Refusal::unreadable(describe(&error))))?;
        Ok(Self { pool, call_timeout: settings.call_timeout })
    }

    /// Runs one statement. A connection that does not answer in time is closed, not given back.
    pub(crate) async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, ContractError> {
        let client = self.pool.get().await.map_err(pool_error)?;
        match tokio::time::timeout(self.call_timeout, client.query_typed(sql, params)).await {
            Ok(answer) => Ok(answer?),
            Err(_elapsed) => {
                let cancel = client.cancel_token();
                drop(deadpool_postgres::Object::take(client));
                // Best effort: the server notices the closed socket only when it next writes to it.
                drop(
                    tokio::time::timeout(Duration::from_secs(1), cancel.cancel_query(tokio_postgres::NoTls))
                        .await,
                );
                Err(ContractError::Unreachable(format!(
                    "no answer within {} s; is it overloaded, or a lock held?",
                    self.call_timeout.as_secs()
                )))
            }
        }
    }
}

fn pool_error(error: PoolError) -> ContractError {
    match error {
        PoolError::Backend(error) => error.into(),
        PoolError::Timeout(_) => ContractError::Unreachable(
            "no connection within the time limit; check host, port and max_connections".to_owned(),
        ),
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            ContractError::Database(Refusal::unreadable(describe(&error)))
        }
    }
}

/// A connection of one's own, with what the server sends unasked.
pub(crate) struct DirectConnection {
    /// The client; dropping it ends the connection.
    pub(crate) client: Client,
    /// Notifications and notices, in order; ends when the connection does.
    pub(crate) messages: tokio::sync::mpsc::Receiver<AsyncMessage>,
}

/// Unread notifications that may wait before further ones are dropped (they are hints: polling misses nothing).
const MESSAGE_BACKLOG: usize = 256;

/// Opens a connection outside any pool.
pub(crate) async fn connect_direct(settings: &DatabaseSettings) -> Result<DirectConnection, ContractError> {
    let target = settings.parse()?;
    let connector = tls::connector(&target)?;
    let Target { config, .. } = target;
    // One limit over all hosts and addresses: the driver's own applies to each in turn.
    let (client, mut connection) =
        tokio::time::timeout(settings.connect_timeout * 2, config.connect(connector)).await.map_err(
            |_elapsed| {
                ContractError::Unreachable(format!(
                    "no connection within {} s",
                    (settings.connect_timeout * 2).as_secs()
                ))
            },
        )??;
    let (sender, messages) = tokio::sync::mpsc::channel(MESSAGE_BACKLOG);
    // The task ends with the connection, and the connection ends when `client` is dropped.
    tokio::spawn(async move {
        while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            match message {
                Ok(message) => drop(sender.try_send(message)),
                Err(error) => {
                    tracing::debug!(error = %describe(&error), "database connection ended");
                    break;
                }
            }
        }
    });
    Ok(DirectConnection { client, messages })
}
