//! Shell commands and scripts of the repository, run as a user would run them.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use url::Url;

use super::postgres::TestDatabase;
use super::postgres_roles::Login;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Exit code.
    pub(crate) code: i32,
    /// Stdout without its last newline.
    pub(crate) stdout: String,
    /// Stderr.
    pub(crate) stderr: String,
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_path_buf()
}

/// A command in the repository's root that sees no database unless it is told one.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(repository()).stdin(Stdio::null()).kill_on_drop(true);
    for variable in
        ["DATABASE_URL", "SUPABASE_DB_URL", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD"]
    {
        command.env_remove(variable);
    }
    command
}

/// libpq's own variables for a login on a test database.
pub(crate) fn libpq_variables(database: &TestDatabase, login: Login) -> Vec<(&'static str, String)> {
    let url: Url = database.login_url(login).parse().expect("a URL");
    vec![
        ("PGHOST", url.host_str().expect("a host").to_owned()),
        ("PGPORT", url.port().unwrap_or(5432).to_string()),
        ("PGUSER", url.username().to_owned()),
        ("PGPASSWORD", url.password().expect("a password").to_owned()),
        ("PGDATABASE", database.name().to_owned()),
    ]
}

/// Runs a command to its end.
pub(crate) async fn end_of(mut command: Command) -> Ended {
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    ended(output.expect("the command must not hang").expect("the command can be run"))
}

/// Reads an output.
pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
