//! A database of one's own for each test: a clone of a template that our own `migrate` made once.
//!
//! `ODOOOPS_TEST_DATABASE_URL` names a superuser on a server that is there for tests. Templates are kept per
//! content of `migrations/`, `sql/` and the migrate code; clones are dropped when the test ends, also by a
//! panic, and those of killed processes are swept by the next one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use odooops::contract::migrate::{self, Schema};
use odooops::contract::{Contract, DatabaseSettings};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};
use url::Url;

use super::postgres_roles::{self, Login};

/// The environment variable that every test with a database needs.
const URL_VARIABLE: &str = "ODOOOPS_TEST_DATABASE_URL";
/// Serialises what concerns the whole server (templates, login roles); taken in the maintenance database.
const SERVER_LOCK: i64 = 0x6f64_6f6f_7465_7374;
/// Templates that nobody has used for so long are dropped.
const TEMPLATE_LIFE: &str = "12 hours";

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(1);

/// A database that lives as long as this value.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// A migrated database; a control plane of its own, so that workers of several tests on one engine
    /// leave each other's containers alone.
    pub(crate) async fn new() -> Self {
        let template = TEMPLATE.get_or_init(prepare_server).await;
        let database = Self::create(&format!("template {template}")).await;
        let own_id = "update ops.instance set id = gen_random_uuid()";
        let changed =
            database.superuser().await.execute(own_id, &[]).await.expect("an instance id of its own");
        assert_eq!(changed, 1, "a control plane has one instance id");
        database
    }

    /// A database without anything; the roles may exist, since they are the whole server's.
    pub(crate) async fn empty() -> Self {
        TEMPLATE.get_or_init(prepare_server).await;
        Self::create("template template0").await
    }

    async fn create(options: &str) -> Self {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{}_{number}", own_prefix(), std::process::id());
        let maintenance = connect(&server_url()).await;
        maintenance
            .batch_execute(&format!("create database {name} {options}"))
            .await
            .expect("create a test database");
        Self { name }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its URL with the superuser of `ODOOOPS_TEST_DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        let mut url = server_url();
        url.set_path(&self.name);
        url.into()
    }

    /// Its URL with a LOGIN role that is in one of our roles only.
    pub(crate) fn login_url(&self, login: Login) -> String {
        self.url_as(login.name())
    }

    fn url_as(&self, role: &str) -> String {
        let mut url = server_url();
        url.set_path(&self.name);
        url.set_username(role).expect("a URL with a host");
        url.set_password(Some(postgres_roles::PASSWORD)).expect("a URL with a host");
        url.into()
    }

    /// A plain connection as superuser.
    pub(crate) async fn superuser(&self) -> Client {
        connect(&self.url().parse().expect("a URL")).await
    }

    /// A plain connection as a LOGIN role.
    pub(crate) async fn login(&self, login: Login) -> Client {
        connect(&self.login_url(login).parse().expect("a URL")).await
    }

    /// Settings for `contract` as a LOGIN role.
    pub(crate) fn settings(&self, login: Login) -> DatabaseSettings {
        settings(&self.login_url(login))
    }

    /// Settings for `migrate`: the superuser.
    pub(crate) fn superuser_settings(&self) -> DatabaseSettings {
        settings(&self.url())
    }

    /// Settings for `migrate`: a role of the test's own, with the password of all.
    pub(crate) fn settings_as(&self, role: &str) -> DatabaseSettings {
        settings(&self.url_as(role))
    }

    /// The client that the product uses, as a LOGIN role.
    pub(crate) fn contract(&self, login: Login) -> Contract {
        Contract::new(&self.settings(login)).expect("a good URL")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A thread of its own: we may be inside a runtime, or unwinding.
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropped = std::thread::spawn(move || {
            block_on(async { connect(&server_url()).await.batch_execute(&statement).await })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) && !std::thread::panicking() {
            panic!("test database {} was not dropped", self.name);
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn settings(url: &str) -> DatabaseSettings {
    let mut settings = DatabaseSettings::new(url.to_owned().into());
    settings.max_connections = 4;
    settings
}

/// The maintenance database's URL.
pub(crate) fn server_url() -> Url {
    let Ok(url) = std::env::var(URL_VARIABLE) else {
        panic!(
            "{URL_VARIABLE} is not set: name a superuser on a PostgreSQL 15 or later that is there for tests, \
             such as postgres://postgres:postgres@127.0.0.1:5432/postgres, or run ./scripts/test"
        );
    };
    url.parse().expect("ODOOOPS_TEST_DATABASE_URL is a URL")
}

/// A plain connection; its task ends with the client.
pub(crate) async fn connect(url: &Url) -> Client {
    let connecting =
        tokio::time::timeout(Duration::from_secs(20), tokio_postgres::connect(url.as_str(), NoTls));
    match connecting.await {
        Ok(Ok((client, connection))) => {
            tokio::spawn(connection);
            client
        }
        Ok(Err(error)) => panic!(
            "{}:{} cannot be connected to ({error:?}); is the PostgreSQL of {URL_VARIABLE} running?",
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(5432),
        ),
        Err(_elapsed) => panic!("no connection to the PostgreSQL of {URL_VARIABLE} within 20 s"),
    }
}

/// Databases of this machine's test processes begin with this; the process id and a number follow.
fn own_prefix() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_else(|_| "local".to_owned());
    let mut hasher = DefaultHasher::new();
    host.trim().hash(&mut hasher);
    format!("odooops_test_{:06x}_", hasher.finish() & 0xff_ffff)
}

fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    Schema::content_hash().hash(&mut hasher);
    for source in [
        include_str!("../../worker/src/contract/migrate/tables.sql"),
        include_str!("../../worker/src/contract/migrate/objects.rs"),
        include_str!("../../worker/src/contract/migrate/objects.sql"),
        include_str!("../../worker/src/contract/migrate/replace.rs"),
        include_str!("../../worker/src/contract/migrate/digests.rs"),
        include_str!("../../worker/src/contract/migrate/surroundings.sql"),
        include_str!("../../worker/src/contract/migrate/record.sql"),
    ] {
        source.hash(&mut hasher);
    }
    format!("odooops_template_{:016x}", hasher.finish())
}

/// Once per process: sweeps, makes the template unless it is there, makes the login roles.
async fn prepare_server() -> String {
    let template = template_name();
    let server = connect(&server_url()).await;
    server.execute("select pg_advisory_lock($1)", &[&SERVER_LOCK]).await.expect("the server's test lock");
    sweep(&server, &template).await;
    let exists = server
        .query_opt("select from pg_database where datname = $1 and datistemplate", &[&template])
        .await
        .expect("look for the template");
    if exists.is_none() {
        // Left without the mark by a process that died half-way.
        server
            .batch_execute(&format!("drop database if exists {template} with (force)"))
            .await
            .expect("drop");
        server
            .batch_execute(&format!("create database {template} template template0"))
            .await
            .expect("create");
        let mut url = server_url();
        url.set_path(&template);
        let applied = migrate::apply(&settings(url.as_str()), &Schema::embedded()).await;
        if let Err(error) = applied {
            panic!("the template database cannot be migrated: {error}");
        }
        server
            .batch_execute(&format!(
                "alter database {template} with is_template true allow_connections false"
            ))
            .await
            .expect("mark the template");
    }
    server
        .batch_execute(&format!(
            "do $$ begin execute format('comment on database {template} is %L', now()); end $$"
        ))
        .await
        .expect("note that the template is used");
    postgres_roles::ensure(&server).await;
    server.execute("select pg_advisory_unlock($1)", &[&SERVER_LOCK]).await.expect("unlock");
    template
}

/// Drops what dead processes of this machine left, and templates that nobody uses any more.
async fn sweep(server: &Client, current_template: &str) {
    let rows = server
        .query(
            &format!(
                "select d.datname::text, d.datistemplate from pg_database d \
                 where starts_with(d.datname, $1) \
                 or (starts_with(d.datname, 'odooops_template_') and d.datname <> $2 \
                     and coalesce(shobj_description(d.oid, 'pg_database'), '1970-01-01')::timestamptz \
                         < now() - interval '{TEMPLATE_LIFE}' and d.datistemplate)"
            ),
            &[&own_prefix(), &current_template],
        )
        .await
        .expect("list test databases");
    for row in rows {
        let name: String = row.get(0);
        if row.get::<_, bool>(1) {
            server
                .batch_execute(&format!("alter database {name} with is_template false"))
                .await
                .expect("unmark");
        } else if owner_is_alive(&name) {
            continue;
        }
        server.batch_execute(&format!("drop database if exists {name} with (force)")).await.expect("sweep");
    }
}

fn owner_is_alive(database: &str) -> bool {
    let pid = database.rsplit('_').nth(1).unwrap_or_default();
    std::path::Path::new("/proc").join(pid).exists()
}
