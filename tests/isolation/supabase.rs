//! On a server as Supabase sets one up: the API's roles were there before us, the migrating role is no superuser,
//! and default privileges give everything away. A server of its own, since roles are the whole server's.

use std::process::Command;

use odooops::contract::DatabaseSettings;
use odooops::contract::migrate::{self, Schema};
use tempfile::TempDir;
use tokio_postgres::Client;
use url::Url;
use uuid::Uuid;

use super::who_may_what::compare_with_the_document;
use crate::contract::scene::{code, run, value};
use crate::support::postgres::{connect, server_url};
use crate::support::postgres_roles::{self, PASSWORD};
use crate::support::shell::{command, end_of, repository};

const PLATFORM: &str = include_str!("../fixtures/supabase/platform.sql");
/// What guides on schemas of one's own recommend: everything to everybody.
const GUIDE: &str = "grant usage on schema ops to anon, authenticated, service_role; \
     grant all on all tables in schema ops to anon, authenticated, service_role; \
     grant all on all routines in schema ops to anon, authenticated, service_role; \
     grant all on all sequences in schema ops to anon, authenticated, service_role; \
     alter default privileges in schema ops grant all on tables to anon, authenticated, service_role";

/// A server of the version under test.
struct Server {
    folder: TempDir,
    /// A superuser, who only sets the platform up.
    superuser: Url,
}

impl Server {
    async fn start() -> Self {
        let tested = connect(&server_url()).await;
        let sql = "select setting from pg_config() where name = 'BINDIR'";
        let programs: String = value(&tested, sql, &[]).await;
        let folder = tempfile::Builder::new().prefix("odooops-supabase").tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port()
            .to_string();
        let mut script = command("scripts/dev/postgres");
        script.arg("start").arg(folder.path()).args([&port, &programs]);
        let started = end_of(script).await;
        assert_eq!(started.code, 0, "{}", started.stderr);
        let mut superuser: Url = started.stdout.parse().expect("the script prints a URL");
        let server = connect(&superuser).await;
        server.batch_execute("create database app").await.expect("a database");
        superuser.set_path("app");
        let this = Self { folder, superuser };
        let app = connect(&this.superuser).await;
        app.batch_execute(PLATFORM).await.expect("the platform");
        app.batch_execute("alter database app owner to project_owner").await.expect("an owner");
        this
    }

    fn url(&self, role: &str) -> Url {
        let mut url = self.superuser.clone();
        url.set_username(role).expect("a URL with a host");
        url.set_password(Some(PASSWORD)).expect("a URL with a host");
        url
    }

    /// What the user of Supabase migrates with.
    fn owner(&self) -> DatabaseSettings {
        DatabaseSettings::new(String::from(self.url("project_owner")).into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = Command::new("scripts/dev/postgres")
            .current_dir(repository())
            .arg("stop")
            .arg(self.folder.path())
            .status();
        if !stopped.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("the server in {} was not stopped", self.folder.path().display());
        }
    }
}

/// A request as PostgREST sends it, by a login that inherits nothing; committed.
async fn request(
    authenticator: &mut Client,
    role: &str,
    user: Option<Uuid>,
    sql: &str,
) -> Result<String, String> {
    let transaction = authenticator.transaction().await.expect("begin");
    let claims = serde_json::json!({ "role": role, "sub": user }).to_string();
    transaction.batch_execute(&format!("set local role {role}")).await.expect("the role");
    let set = "select set_config('request.jwt.claims', $1, true)";
    transaction.execute(set, &[&claims]).await.expect("the claims");
    match transaction.query_one(sql, &[]).await {
        Ok(row) => {
            transaction.commit().await.expect("commit");
            Ok(row.get::<_, Option<String>>(0).unwrap_or_default())
        }
        Err(error) => Err(error.code().expect("a SQLSTATE").code().to_owned()),
    }
}

#[tokio::test]
async fn everything_works_where_supabase_was_first() {
    let server = Server::start().await;
    let settings = server.owner();
    let first = migrate::apply(&settings, &Schema::embedded()).await.expect("migrate without superuser");
    assert!(!first.migrations.is_empty());
    let again = migrate::apply(&settings, &Schema::embedded()).await.expect("migrate again");
    assert!(again.migrations.is_empty() && again.dropped.is_empty(), "{again:?}");
    assert_eq!(migrate::check(&settings).await.expect("check"), []);

    let owner = connect(&server.url("project_owner")).await;
    let superuser = "select rolsuper from pg_roles where rolname = current_user";
    assert!(!value::<bool>(&owner, superuser, &[]).await);
    let foreign = "select nspowner::regrole::text from pg_namespace where nspname = 'auth'";
    assert_eq!(value::<String>(&owner, foreign, &[]).await, "auth_admin");

    users_act_through_the_authenticator(&server, &owner).await;
    the_grants_of_guides_are_taken_back(&settings, &owner).await;

    let superuser = connect(&server.superuser).await;
    postgres_roles::ensure(&superuser).await;
    // As Supabase has it today; the other tests have NOINHERIT, as it was at first.
    superuser.batch_execute("alter role service_role inherit").await.expect("inherit");
    let clean = "delete from ops.runs; delete from ops.projects";
    superuser.batch_execute(clean).await.expect("an empty control plane");
    compare_with_the_document(&server.superuser).await;
}

async fn users_act_through_the_authenticator(server: &Server, owner: &Client) {
    for slug in ["mine", "theirs"] {
        run(owner, "select ops.put_project($1)", &[&slug]).await;
    }
    let user = Uuid::new_v4();
    run(owner, "select ops.put_member('mine', $1, 'developer')", &[&user]).await;
    let mut authenticator = connect(&server.url("authenticator")).await;
    let itself = code(&authenticator, "select version from ops.contract_info()", &[]).await;
    assert_eq!(itself, "42501", "the login itself may nothing");

    let same = "select (auth.uid() = m.user_id)::text from ops.project_memberships m";
    let asked = request(&mut authenticator, "authenticated", Some(user), same).await;
    assert_eq!(asked.as_deref(), Ok("true"), "auth.uid() and ours are one");
    let enqueue = "select status from ops.enqueue_run('mine', 'odoo-test')";
    let queued = request(&mut authenticator, "authenticated", Some(user), enqueue).await;
    assert_eq!(queued.as_deref(), Ok("queued"));
    let by = "select triggered_by from ops.runs";
    let by = request(&mut authenticator, "authenticated", Some(user), by).await;
    assert_eq!(by, Ok(format!("user:{user}")));
    let slugs = "select string_agg(slug, ' ' order by slug) from ops.projects";
    for (role, sub, expected) in [
        ("authenticated", Some(user), Ok("mine")),
        ("authenticated", Some(Uuid::new_v4()), Ok("")),
        ("service_role", None, Ok("mine theirs")),
        ("anon", None, Err("42501")),
    ] {
        let seen = request(&mut authenticator, role, sub, slugs).await;
        assert_eq!(seen.as_deref().map_err(String::as_str), expected, "{role}");
    }
    for (role, sub, sql, expected) in [
        ("authenticated", Some(user), "select ops.enqueue_run('theirs', 'odoo-test')::text", "OP001"),
        ("authenticated", Some(user), "select ops.pause_project('mine')::text", "OP007"),
        ("authenticated", Some(user), "select ops.put_project('new')::text", "42501"),
        ("anon", None, "select ops.enqueue_run('mine', 'odoo-test')::text", "42501"),
    ] {
        let refused = request(&mut authenticator, role, sub, sql).await;
        assert_eq!(refused, Err(expected.to_owned()), "{role}: {sql}");
    }
}

async fn the_grants_of_guides_are_taken_back(settings: &DatabaseSettings, owner: &Client) {
    owner.batch_execute(GUIDE).await.expect("the owner may, since it may act as ops_owner");
    let drift = migrate::check(settings).await.expect("check");
    assert!(drift.len() > 100, "{} differences", drift.len());
    migrate::apply(settings, &Schema::embedded()).await.expect("migrate");
    let drift = migrate::check(settings).await.expect("check");
    let left: Vec<_> = drift.iter().map(|drift| drift.object.as_str()).collect();
    // What the owner makes later is the owner's to give away; nothing of ours is made by the owner.
    assert_eq!(left, ["default privileges of project_owner on r in ops"]);
}
