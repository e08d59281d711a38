//! Runs the git program: empty environment, our configuration only, bounded output, and a process
//! group that is killed as a whole when the call ends early (git starts ssh, https and index helpers).

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{Credentials, GitError, GitSettings, Protocol};

/// Where programs are looked for: the worker's own PATH is nobody's business.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is kept of stdout and of stderr; the rest is read and dropped.
const MAX_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;

/// The script's name in the folder that is given for it.
pub(super) const ASKPASS_FILE: &str = "odooops-askpass";

/// Answers git's questions from its environment, and only for the origin that the credentials are for.
const ASKPASS: &str = r#"#!/bin/sh
case "$1" in
  "Username for '$ODOOOPS_GIT_SCHEME://$ODOOOPS_GIT_HOST'"*) printf '%s\n' "$ODOOOPS_GIT_USERNAME" ;;
  "Password for '$ODOOOPS_GIT_SCHEME://"*"@$ODOOOPS_GIT_HOST'"*) printf '%s\n' "$ODOOOPS_GIT_PASSWORD" ;;
  *) exit 1 ;;
esac
"#;

/// How git is run for one check-out.
pub(super) struct GitCommand<'a> {
    settings: &'a GitSettings,
    folder: Option<PathBuf>,
    protocols: Vec<Protocol>,
    secrets: Vec<(&'static str, String)>,
    config: Vec<String>,
}

/// What git said and how it ended.
struct Finished {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl<'a> GitCommand<'a> {
    pub(super) fn new(settings: &'a GitSettings) -> Self {
        Self {
            settings,
            folder: None,
            protocols: settings.protocols.clone(),
            secrets: Vec::new(),
            config: base_config(settings),
        }
    }

    /// Works in this repository from now on.
    pub(super) fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Allows only these protocols from now on.
    pub(super) fn allowing(mut self, protocols: Vec<Protocol>) -> Self {
        self.protocols = protocols;
        self
    }

    /// Answers for `origin` with `credentials`; `askpass_folder` takes the small script that does it.
    pub(super) async fn answering(
        mut self,
        origin: &str,
        credentials: &Credentials,
        askpass_folder: &Path,
    ) -> Result<Self, GitError> {
        let script = askpass_folder.join(ASKPASS_FILE);
        write_script(&script).await.map_err(|error| failed(origin, &error))?;
        let (scheme, host) = origin.split_once("://").unwrap_or(("none", origin));
        self.secrets = vec![
            ("GIT_ASKPASS", script.display().to_string()),
            ("ODOOOPS_GIT_SCHEME", scheme.to_owned()),
            ("ODOOOPS_GIT_HOST", host.to_owned()),
            ("ODOOOPS_GIT_USERNAME", credentials.username.clone()),
            ("ODOOOPS_GIT_PASSWORD", credentials.password.expose_secret().to_owned()),
        ];
        Ok(self)
    }

    /// Runs git and gives its stdout; `url` is for the error's sake.
    pub(super) async fn output(&self, args: &[&str], url: &str) -> Result<String, GitError> {
        let finished = self.run(args).await.map_err(|error| failed(url, &error))?;
        if finished.status.success() {
            return Ok(finished.stdout);
        }
        Err(GitError::from_stderr(url, &finished.stderr))
    }

    async fn run(&self, args: &[&str]) -> std::io::Result<Finished> {
        let mut command = Command::new(&self.settings.program);
        command.env_clear().envs(self.environment());
        for pair in &self.config {
            command.arg("-c").arg(pair);
        }
        command.args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
        // All ends of the pipes are closed: nobody is left, and the number may soon be another's.
        group.0 = None;
        Ok(Finished { status: status?, stdout: stdout?, stderr: stderr? })
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut protocols: Vec<_> = self.protocols.iter().map(|protocol| protocol.as_str()).collect();
        if protocols.is_empty() {
            // An empty list would mean git's default.
            protocols.push("none");
        }
        let ssh = ssh_command(self.settings);
        let mut pairs = vec![
            ("PATH", PATH.to_owned()),
            ("LC_ALL", "C".to_owned()),
            ("HOME", "/nonexistent".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_ATTR_NOSYSTEM", "1".to_owned()),
            ("GIT_TERMINAL_PROMPT", "0".to_owned()),
            ("GIT_ALLOW_PROTOCOL", protocols.join(":")),
            ("GIT_SSH_COMMAND", ssh),
            ("GIT_SSH_VARIANT", "ssh".to_owned()),
        ];
        pairs.extend(self.secrets.iter().cloned());
        if let Some(proxy) = &self.settings.proxy {
            pairs.push(("https_proxy", proxy.clone()));
        }
        pairs
    }
}

/// Configuration that no repository can change: `-c` reaches the gits of submodules too (`GIT_CONFIG_COUNT` does not).
fn base_config(settings: &GitSettings) -> Vec<String> {
    let mut config = vec![
        ("protocol.ext.allow", "never".to_owned()),
        ("core.hooksPath", "/dev/null".to_owned()),
        ("core.fsmonitor", "false".to_owned()),
        ("credential.helper", String::new()),
        ("http.followRedirects", "initial".to_owned()),
        ("http.lowSpeedLimit", "100".to_owned()),
        ("http.lowSpeedTime", settings.idle_limit.as_secs().max(1).to_string()),
        ("submodule.fetchJobs", "1".to_owned()),
        ("fetch.recurseSubmodules", "false".to_owned()),
        ("gc.auto", "0".to_owned()),
        ("maintenance.auto", "false".to_owned()),
        ("advice.detachedHead", "false".to_owned()),
    ];
    if let Some(bundle) = &settings.ca_bundle {
        config.push(("http.sslCAInfo", bundle.display().to_string()));
    }
    config.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// git hands this to a shell, so paths are quoted; it holds settings of the worker only.
fn ssh_command(settings: &GitSettings) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let idle = (settings.idle_limit.as_secs() / 3).max(1);
    let mut ssh = format!(
        "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 \
         -o ServerAliveInterval={idle} -o ServerAliveCountMax=3 -o IdentitiesOnly=yes"
    );
    if let Some(key) = &settings.ssh_key {
        ssh.push_str(&format!(" -i {}", quoted(key)));
    }
    if let Some(known) = &settings.ssh_known_hosts {
        ssh.push_str(&format!(" -o UserKnownHostsFile={}", quoted(known)));
    }
    ssh
}

/// Kills a process group when dropped while its leader, our child, has not been waited for.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0
            && let Err(error) = kill_process_group(pid, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "what git started could not be stopped");
        }
    }
}

/// Reads a stream to its end and keeps its first part.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(mut stream) = stream else { return Ok(String::new()) };
    let mut kept = Vec::new();
    (&mut stream).take(MAX_OUTPUT_BYTES).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

async fn write_script(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    tokio::fs::write(path, ASKPASS).await?;
    tokio::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).await
}

fn failed(url: &str, error: &std::io::Error) -> GitError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return GitError::DiskFull { url: url.to_owned() };
    }
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => format!("the git program cannot be run ({error}); install git"),
        _ => error.to_string(),
    };
    GitError::Failed { url: url.to_owned(), reason }
}
