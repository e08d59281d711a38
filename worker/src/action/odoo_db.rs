//! The Postgres server with Odoo's databases: the only place outside `contract/` that speaks SQL.
//!
//! Test databases are ours: named after the run and labelled by a comment, so that the janitor finds
//! what a dead worker left. Databases of others are only read.

mod address;
mod test_database;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Row};

pub use address::Address;
pub use test_database::{TestDatabase, drop_database, list_test_databases};
pub(super) use test_database::{create_test_database, name_of};

use crate::odoo::ModuleState;

/// Connecting takes at most this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// One statement takes at most this long (creating a database copies the template's files).
const STATEMENT_LIMIT: Duration = Duration::from_secs(120);
/// Shown in `pg_stat_activity`.
const APPLICATION_NAME: &str = "odooops";

/// What can go wrong with the server of Odoo's databases.
#[derive(Debug, thiserror::Error)]
pub enum OdooDbError {
    /// The setting is missing or wrong: the operator's to mend, no retry helps.
    #[error("{0}")]
    Setting(String),
    /// Nobody answers: infrastructure.
    #[error("the Odoo database server {server} does not answer: {reason}")]
    Unreachable {
        /// `host:port`.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The database does not exist.
    #[error("there is no database {database:?} on {server}")]
    NoDatabase {
        /// Its name.
        database: String,
        /// `host:port`.
        server: String,
    },
    /// The server refused what we asked.
    #[error("the Odoo database server {server} refused: {reason}")]
    Refused {
        /// `host:port`.
        server: String,
        /// What it said.
        reason: String,
    },
}

/// A connection to one database on the Odoo server.
pub struct OdooDb {
    client: Client,
    server: String,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for OdooDb {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// What a backup's manifest says of the database, all of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// The server's version, `15.18`.
    pub server_version: String,
    /// The server's clock, ISO 8601 in UTC.
    pub now: String,
    /// Installed modules with their versions.
    pub modules: BTreeMap<String, String>,
    /// `database.uuid` of Odoo.
    pub uuid: Option<String>,
    /// Names of attachments' files in the filestore, sorted, each once.
    pub store_fnames: Vec<String>,
}

impl OdooDb {
    /// Connects to `database` on the server at `url`.
    ///
    /// # Errors
    /// [`OdooDbError`] by kind; messages never show the password.
    pub async fn connect(url: &SecretString, database: &str) -> Result<Self, OdooDbError> {
        let mut config = address::parse(url)?;
        config.dbname(database).application_name(APPLICATION_NAME).connect_timeout(CONNECT_LIMIT);
        let server = address::server_name(&config);
        let connect = tokio::time::timeout(CONNECT_LIMIT, open(&config));
        let (client, connection) = match connect.await {
            Err(_) => {
                let reason = format!("no connection within {CONNECT_LIMIT:?}");
                return Err(OdooDbError::Unreachable { server, reason });
            }
            Ok(Err(error)) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {
                return Err(OdooDbError::NoDatabase { database: database.to_owned(), server });
            }
            Ok(Err(error)) => return Err(classify(&server, &error)),
            Ok(Ok(opened)) => opened,
        };
        Ok(Self { client, server, connection })
    }

    /// States of all modules; `None` when Odoo never initialised the database.
    pub async fn module_states(&self) -> Result<Option<Vec<ModuleState>>, OdooDbError> {
        if !self.is_initialized().await? {
            return Ok(None);
        }
        let rows = self
            .query(
                "select name::text, coalesce(state, '')::text, latest_version::text from ir_module_module",
                &[],
            )
            .await?;
        let states =
            rows.iter().map(|row| ModuleState { name: row.get(0), state: row.get(1), version: row.get(2) });
        Ok(Some(states.collect()))
    }

    /// Starts a read-only transaction that sees one moment, and gives the name by which `pg_dump` sees the same.
    pub async fn export_snapshot(&self) -> Result<String, OdooDbError> {
        self.execute("begin transaction isolation level repeatable read read only").await?;
        let rows = self.query("select pg_catalog.pg_export_snapshot()", &[]).await?;
        rows.first().map(|row| row.get(0)).ok_or_else(|| self.refused("no snapshot was exported"))
    }

    /// Facts for a backup's manifest; after [`export_snapshot`](Self::export_snapshot), of that moment.
    pub async fn facts(&self) -> Result<Option<DatabaseFacts>, OdooDbError> {
        let Some(states) = self.module_states().await? else { return Ok(None) };
        let modules = states
            .into_iter()
            .filter(|state| state.state == "installed")
            .map(|state| (state.name, state.version.unwrap_or_default()))
            .collect();
        let server = self
            .query(
                "select pg_catalog.current_setting('server_version'), \
                 pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
                &[],
            )
            .await?;
        let server = server.first().ok_or_else(|| self.refused("no version was given"))?;
        let uuid = self
            .query("select value::text from ir_config_parameter where key = 'database.uuid'", &[])
            .await?;
        let names = self
            .query(
                "select distinct store_fname::text from ir_attachment \
                 where store_fname is not null order by 1",
                &[],
            )
            .await?;
        Ok(Some(DatabaseFacts {
            server_version: server.get(0),
            now: server.get(1),
            modules,
            uuid: uuid.first().map(|row| row.get(0)),
            store_fnames: names.iter().map(|row| row.get(0)).collect(),
        }))
    }

    /// When the server was started, in its own words: another answer later means that it was restarted.
    pub async fn started_at(&self) -> Result<String, OdooDbError> {
        let sql = "select pg_catalog.to_char(pg_catalog.pg_postmaster_start_time() at time zone 'UTC', \
                   'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
        let rows = self.query(sql, &[]).await?;
        rows.first().map(|row| row.get(0)).ok_or_else(|| self.refused("no start time was given"))
    }

    async fn is_initialized(&self) -> Result<bool, OdooDbError> {
        let rows = self.query("select to_regclass('ir_module_module') is not null", &[]).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// Text parameters only; unnamed statements, so that a pooler does no harm.
    async fn query(&self, sql: &str, parameters: &[&str]) -> Result<Vec<Row>, OdooDbError> {
        let typed: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = parameters
            .iter()
            .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT))
            .collect();
        self.bounded(self.client.query_typed(sql, &typed)).await
    }

    async fn execute(&self, sql: &str) -> Result<(), OdooDbError> {
        self.bounded(self.client.batch_execute(sql)).await
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, OdooDbError> {
        match tokio::time::timeout(STATEMENT_LIMIT, call).await {
            Ok(answer) => answer.map_err(|error| classify(&self.server, &error)),
            Err(_) => Err(OdooDbError::Unreachable {
                server: self.server.clone(),
                reason: format!("no answer within {STATEMENT_LIMIT:?}"),
            }),
        }
    }

    fn refused(&self, reason: &str) -> OdooDbError {
        OdooDbError::Refused { server: self.server.clone(), reason: reason.to_owned() }
    }
}

/// TLS where the URL says `sslmode=require` (certificates are then verified), else none.
async fn open(config: &Config) -> Result<(Client, tokio::task::JoinHandle<()>), tokio_postgres::Error> {
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
        let (client, connection) = config.connect(address::tls()).await?;
        Ok((client, tokio::spawn(watch(connection))))
    } else {
        let (client, connection) = config.connect(NoTls).await?;
        Ok((client, tokio::spawn(watch(connection))))
    }
}

async fn watch(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection to the Odoo database server ended");
    }
}

/// Errors with an SQLSTATE are answers, save those that say the server goes away; all others mean it is gone.
fn classify(server: &str, error: &tokio_postgres::Error) -> OdooDbError {
    let server = server.to_owned();
    let Some(said) = error.as_db_error() else {
        let reason = std::error::Error::source(error).map_or(error.to_string(), ToString::to_string);
        return OdooDbError::Unreachable { server, reason };
    };
    let reason = said.message().to_owned();
    if ["57P", "53", "08", "58"].iter().any(|class| said.code().code().starts_with(class)) {
        OdooDbError::Unreachable { server, reason }
    } else {
        OdooDbError::Refused { server, reason }
    }
}
