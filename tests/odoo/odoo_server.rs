//! A Postgres role for Odoo, and databases that Odoo itself made, with their files in a volume.

use std::process::Command;

use secrecy::SecretString;
use tokio_postgres::{Client, NoTls};
use url::Url;
use uuid::Uuid;

use crate::support::postgres::server_url;

/// A role that may log in and create databases, as Odoo needs it.
const ROLE: &str = "odooops_test_odoo";
const PASSWORD: &str = "odooops-test-odoo-password";
/// Where containers find the tests' Postgres; Docker's usual gateway without it.
const HOST_VARIABLE: &str = "ODOOOPS_TEST_CONTAINER_HOST";
const USUAL_GATEWAY: &str = "172.17.0.1";

/// The server's URL for Odoo, reachable from containers; makes the role.
pub(super) async fn odoo_server() -> SecretString {
    let client = superuser("postgres").await;
    let statement = format!(
        "do $$ begin create role {ROLE} login createdb; \
         exception when duplicate_object or unique_violation then null; end $$"
    );
    client.batch_execute(&statement).await.expect("a role for Odoo");
    // Two tests at once may collide on the role's row: either has the same to say.
    client.batch_execute(&format!("alter role {ROLE} password '{PASSWORD}'")).await.ok();
    let mut url = server_url();
    let host = std::env::var(HOST_VARIABLE).unwrap_or_else(|_| USUAL_GATEWAY.to_owned());
    url.set_host(Some(&host)).expect("a host");
    url.set_username(ROLE).expect("a user");
    url.set_password(Some(PASSWORD)).expect("a password");
    url.set_path("postgres");
    SecretString::from(url.to_string())
}

/// A superuser's connection to a database of the tests' server.
pub(super) async fn superuser(database: &str) -> Client {
    let mut url = server_url();
    url.set_path(database);
    let (client, connection) =
        tokio_postgres::connect(url.as_str(), NoTls).await.expect("the tests' Postgres");
    tokio::spawn(connection);
    client
}

/// Runs docker; stdout of a call that succeeded.
pub(super) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker program");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "docker {arguments:?}: {out}{err}");
    out.trim().to_owned()
}

/// A database that Odoo made, with its data folder in a volume; both gone when dropped.
pub(super) struct Production {
    pub(super) database: String,
    pub(super) volume: String,
    image: String,
}

impl Production {
    /// Installs `modules` of an image into a new database.
    pub(super) async fn install(image: &str, modules: &str) -> Self {
        super::bench::prepare().await;
        let name = format!("odooops_test_production_{}", &Uuid::new_v4().simple().to_string()[..12]);
        let production = Self { database: name.clone(), volume: name, image: image.to_owned() };
        let database = format!("--database={}", production.database);
        let init = format!("--init={modules}");
        production.run(&["odoo", &database, &init, "--stop-after-init", "--without-demo=all"]).await;
        production
    }

    /// Runs a command in a container of the image, with the volume and the server's address.
    pub(super) async fn run(&self, command: &[&str]) -> String {
        use secrecy::ExposeSecret;
        let server = odoo_server().await;
        let url: Url = server.expose_secret().parse().expect("a URL");
        let port = url.port().unwrap_or(5432);
        let volume = format!("{}:/var/lib/odoo", self.volume);
        let env = [
            format!("HOST={}", url.host_str().expect("a host")),
            format!("PORT={port}"),
            format!("USER={ROLE}"),
            format!("PASSWORD={PASSWORD}"),
            format!("PGHOST={}", url.host_str().expect("a host")),
            format!("PGPORT={port}"),
            format!("PGUSER={ROLE}"),
            format!("PGPASSWORD={PASSWORD}"),
        ];
        let mut arguments = vec!["run", "--rm", "--volume", &volume];
        for variable in &env {
            arguments.extend(["--env", variable]);
        }
        arguments.push(&self.image);
        arguments.extend(command);
        docker(&arguments)
    }

    pub(super) async fn client(&self) -> Client {
        superuser(&self.database).await
    }
}

impl Drop for Production {
    fn drop(&mut self) {
        Command::new("docker").args(["volume", "rm", "--force", &self.volume]).output().ok();
        let statement = format!("drop database if exists {} with (force)", self.database);
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async { superuser("postgres").await.batch_execute(&statement).await })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) && !std::thread::panicking() {
            panic!("database {} was not dropped", self.database);
        }
    }
}
