//! The configuration file and `odooops config`, as a user meets them.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::program::Program;

struct File(tempfile::TempDir);

impl File {
    fn new(text: &str, mode: u32) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("odooops.toml");
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        Self(dir)
    }

    fn path(&self) -> String {
        self.0.path().join("odooops.toml").display().to_string()
    }

    fn program(&self, arguments: &[&str]) -> Program {
        Program::new(arguments).env("ODOOOPS_CONFIG", &self.path())
    }
}

fn of<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let settings = shown["settings"].as_array().expect("a list");
    settings.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key} is not in {shown}"))
}

#[tokio::test]
async fn config_show_names_the_source_of_every_value_and_hides_passwords() {
    let file = File::new(
        "store_url = 's3://from-file'\n\n[worker]\nslots = 7\nlabels = ['gpu', 'big']\n\
         worker_database_url = 'postgres://worker:hunter22@db.example/ops'\n",
        0o640,
    );
    let call = |arguments: &[&str]| {
        file.program(arguments)
            .env("ODOOOPS_WORKER_LEASE_SECS", "60")
            .env("SUPABASE_DB_URL", "postgres://me:hunter22@supabase.example/postgres")
    };
    let shown = call(&["config", "show", "--json", "--log", "warn"]).run().await.json();
    let place = |line: usize| format!("{}:{line}", file.path());
    for (key, value, source, at) in [
        ("store_url", "s3://from-file", "file", place(1)),
        ("worker.slots", "7", "file", place(4)),
        ("worker.labels", "gpu,big", "file", place(5)),
        ("worker.worker_database_url", "postgres://worker:***@db.example/ops", "file", place(6)),
        ("worker.lease_secs", "60", "environment", "ODOOOPS_WORKER_LEASE_SECS".to_owned()),
        (
            "supabase_db_url",
            "postgres://me:***@supabase.example/postgres",
            "environment",
            "SUPABASE_DB_URL".to_owned(),
        ),
        ("log", "warn", "flag", "--log".to_owned()),
    ] {
        let row = of(&shown, key);
        assert_eq!(
            (&row["value"], &row["source"], &row["place"]),
            (&value.into(), &source.into(), &at.into())
        );
    }
    assert_eq!(of(&shown, "worker.cancel_grace_secs")["source"], "default");
    assert_eq!(of(&shown, "worker.odoo_image")["source"], "unset");
    let text = call(&["config", "show"]).run().await.done();
    assert!(
        text.contains(&place(4)) && text.contains("worker.slots") && !text.contains("hunter22"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wrong_file_ends_every_command_with_2() {
    let file = File::new("[worker]\nslot = 1\nlease_secs = 1\n", 0o644);
    for command in [&["run", "list"][..], &["worker"], &["config", "show"]] {
        let at = |line: usize| format!("{}:{line}: ", file.path());
        file.program(command).run().await.refused(2, &[&at(2), "worker.slots", &at(3), "5..=3600"]);
    }
    assert!(file.program(&["--help"]).run().await.done().contains("--config"));
}

#[tokio::test]
async fn a_file_that_everybody_reads_may_hold_no_password() {
    let file = File::new("database_url = 'postgres://me:hunter22@db/x'\n", 0o644);
    let said = file.program(&["run", "list"]).run().await.refused(2, &["chmod o-rwx", ":1: database_url"]);
    assert!(!said.contains("hunter22"), "{said}");
}

#[tokio::test]
async fn a_setting_of_the_file_is_named_by_file_and_line_when_it_does_not_work() {
    let file = File::new("store_url = 's3://bucket'\n[worker]\nhealth_addr = '8080'\n", 0o644);
    let worker = file.program(&["worker"]).env("DATABASE_URL", "postgres://127.0.0.1:1/x");
    worker.run().await.refused(2, &["127.0.0.1:9187", &format!("{}:3", file.path())]);
}

#[tokio::test]
async fn a_wrong_variable_of_the_worker_is_told_by_config_show() {
    let shown = Program::new(&["config", "show"]).env("ODOOOPS_WORKER_SLOTS", "many").run().await;
    shown.refused(2, &["ODOOOPS_WORKER_SLOTS", "invalid value 'many'"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_refused_where_it_was_named() {
    let named = Program::new(&["config", "show", "--config", "/nonexistent.toml"]).run().await;
    named.refused(2, &["/nonexistent.toml", "ODOOOPS_CONFIG"]);
    Program::new(&["config", "show"]).run().await.done();
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = dir.path().join("fifo");
    let made = tokio::process::Command::new("mkfifo").arg(&fifo).status().await.expect("mkfifo runs");
    assert!(made.success());
    for path in [dir.path(), &fifo] {
        let path = path.display().to_string();
        let shown = Program::new(&["config", "show", "--config", &path]).run().await;
        shown.refused(2, &[&path, "is no regular file", "--config"]);
    }
}

#[tokio::test]
async fn an_unknown_table_names_the_nearest_known_one() {
    let file = File::new("[wroker]\nslots = 1\n", 0o644);
    file.program(&["config", "show"]).run().await.refused(2, &[":1: ", "unknown table wroker", "is worker"]);
}

#[tokio::test]
async fn a_file_that_everybody_reads_may_hold_no_token_either() {
    for line in [
        "[worker]\ngit_proxy = 'https://hunter22@proxy.example'",
        "[worker]\npip_index_url = 'https://hunter22@pip.example/simple'",
        "\nstore_url = 's3://bucket/x?secret=hunter22'",
    ] {
        let file = File::new(line, 0o644);
        let said = file.program(&["run", "list"]).run().await.refused(2, &["chmod o-rwx", ":2: "]);
        assert!(!said.contains("hunter22"), "{said}");
    }
}
