//! A real PgBouncer in transaction mode, for what must work behind one and for what must refuse it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use super::postgres::server_url;
use super::signals::wait_until;

/// A running pooler; killed when dropped.
pub(crate) struct PgBouncer {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts a pooler for one database; every client becomes `user` on the server.
    pub(crate) async fn start(database: &str, user: &str) -> Self {
        let server = server_url();
        let password = if user == server.username() {
            server.password().unwrap_or_default().to_owned()
        } else {
            super::postgres_roles::PASSWORD.to_owned()
        };
        let port = free_port();
        let folder = tempfile::Builder::new().prefix("odooops-pgbouncer").tempdir().expect("a folder");
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{database} = host={} port={} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n",
            server.host_str().unwrap_or("127.0.0.1"),
            server.port().unwrap_or(5432),
        );
        std::fs::write(&config, text).expect("write pgbouncer.ini");
        readable_by_all(folder.path());
        let mut command = Command::new("pgbouncer");
        if is_root() {
            // PgBouncer refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        let process = command
            .args(["-q"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("pgbouncer cannot be started ({error}); install it: apt-get install pgbouncer")
            });
        let mut url = server.clone();
        url.set_host(Some("127.0.0.1")).expect("a URL with a host");
        url.set_port(Some(port)).expect("a URL with a host");
        url.set_path(database);
        let pooler = Self { process, url: String::from(url), _folder: folder };
        let address: Url = pooler.url.parse().expect("a URL");
        wait_until("pgbouncer answers", async || {
            let connecting = tokio_postgres::connect(address.as_str(), tokio_postgres::NoTls);
            matches!(tokio::time::timeout(Duration::from_secs(1), connecting).await, Ok(Ok(_))).then_some(())
        })
        .await;
        pooler
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn readable_by_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("open the folder");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
