//! Where a setting comes from, as a user meets it: which source a message names, what an empty variable
//! means, what is never shown.

use serde_json::Value;

use super::program::Program;

fn of<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let settings = shown["settings"].as_array().expect("a list");
    settings.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key} is not in {shown}"))
}

#[tokio::test]
async fn a_wrong_value_is_told_by_the_source_that_it_came_from() {
    let slots = |arguments: &[&str], variable: &str| {
        Program::new(&[&["worker"], arguments].concat()).env("ODOOOPS_WORKER_SLOTS", variable).run()
    };
    let said = slots(&[], "many").await.refused(2, &["ODOOOPS_WORKER_SLOTS: invalid value 'many'"]);
    assert!(!said.contains("--slots"), "{said}");
    let said = slots(&["--slots", "few"], "many").await.refused(2, &["'few' for '--slots <N>'"]);
    assert!(!said.contains("ODOOOPS_WORKER_SLOTS"), "{said}");
    // The flag wins, so that the variable does not matter; what is missing next is the database.
    slots(&["--slots", "1"], "many").await.refused(2, &["DATABASE_URL"]);
    let all = Program::new(&["worker"])
        .env("ODOOOPS_WORKER_SLOTS", "many")
        .env("ODOOOPS_LOG_FORMAT", "xml")
        .env("ODOOOPS_WORKER_LEASE_SECS", "1");
    let all = all.run().await;
    all.refused(2, &["ODOOOPS_WORKER_SLOTS: ", "ODOOOPS_LOG_FORMAT: ", "ODOOOPS_WORKER_LEASE_SECS: "]);
}

#[tokio::test]
async fn what_is_found_wrong_later_names_its_source_too() {
    let worker = |flags: &[&str]| {
        Program::new(&[&["worker"], flags].concat())
            .env("DATABASE_URL", "postgres://127.0.0.1:1/x")
            .env("ODOOOPS_STORE_URL", "file:///nonexistent/store")
    };
    worker(&["--odoo-data", "data"]).run().await.refused(2, &["error: --odoo-data: "]);
    let variable = worker(&[]).env("ODOOOPS_ODOO_DATA", "data").run().await;
    variable.refused(2, &["error: ODOOOPS_ODOO_DATA: "]);
}

#[tokio::test]
async fn a_variable_of_another_command_disturbs_nobody() {
    let list = Program::new(&["run", "list"]).env("ODOOOPS_WORKER_SLOTS", "many").run().await;
    list.refused(2, &["control-plane database is not set"]);
}

#[tokio::test]
async fn with_json_wrong_usage_is_json_too() {
    for (arguments, variable, part) in [
        (&["worker", "--json"][..], "many", "ODOOOPS_WORKER_SLOTS"),
        (&["--json", "worker", "--slots", "few"], "", "--slots"),
        (&["run", "list", "--json", "--frobnicate"], "", "--frobnicate"),
        (&["run", "list", "--json"], "", "DATABASE_URL"),
    ] {
        let said = Program::new(arguments).env("ODOOOPS_WORKER_SLOTS", variable).run().await.refused(2, &[]);
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("no JSON: {said}"));
        assert!(said["error"].as_str().is_some_and(|error| error.contains(part)), "{said}");
        assert_eq!(said["exit_code"], 2);
    }
    assert!(Program::new(&["--json", "--help"]).run().await.done().contains("Usage: odooops"));
}

#[tokio::test]
async fn an_empty_variable_is_an_unset_one() {
    let shown = Program::new(&["config", "show", "--json"])
        .env("ODOOOPS_WORKER_SLOTS", "")
        .env("ODOOOPS_LOG_FORMAT", " ")
        .env("ODOOOPS_GIT_PROTOCOLS", "")
        .env("ODOOOPS_STORE_URL", "")
        .env("ODOOOPS_WORKER_HEALTH_ADDR", "");
    let shown = shown.run().await.json();
    for (key, value, source) in [
        ("worker.slots", Value::from("2"), "default"),
        ("log_format", "pretty".into(), "default"),
        ("worker.git_protocols", "https,ssh".into(), "default"),
        ("store_url", Value::Null, "unset"),
        ("worker.health_addr", "".into(), "environment"),
    ] {
        assert_eq!(
            (&of(&shown, key)["value"], &of(&shown, key)["source"]),
            (&value, &source.into()),
            "{key}"
        );
    }
}

#[tokio::test]
async fn help_names_the_variables_however_they_are_set() {
    for value in ["", "7", "many"] {
        let help = Program::new(&["worker", "--help"]).env("ODOOOPS_WORKER_SLOTS", value).run().await.done();
        assert!(help.contains(&format!("[env: ODOOOPS_WORKER_SLOTS={value}]")), "{help}");
    }
}

/// Every odd spelling of a login that a URL may have, in settings of every kind.
#[tokio::test]
async fn no_login_is_shown_however_its_url_is_written() {
    let odd = [
        "postgres:///u:hunter22@h",
        "postgres://u:12/hunter22@h/ops",
        "postgres://me@db/ops?PASSWORD=hunter22",
        "postgres:///ops?host=u:hunter22@h",
        "postgres://db/ops?hunter22",
        "postgres://db/ops#password=hunter22",
        "postgres://u%3Ahunter22@db/ops",
        "postgres:///u%3Ahunter22%40h",
        "postgres://u%3Ahunter22%40h/ops",
        "https://hunter22@pip.example/simple",
        "https://pip.example/simple?token=hunter22",
        "s3://AKIA:hunter22@bucket/x",
        "s3://bucket/x?secret=hunter22",
    ];
    for value in odd {
        let program = |arguments: &[&str]| {
            let names = ["DATABASE_URL", "ODOOOPS_STORE_URL", "ODOOOPS_GIT_PROXY", "ODOOOPS_PIP_INDEX_URL"];
            names.into_iter().fold(Program::new(arguments), |program, name| program.env(name, value))
        };
        for arguments in [&["config", "show"][..], &["run", "list"], &["worker", "--check"]] {
            let ended = program(arguments).env("DOCKER_HOST", "unix:///nonexistent.sock").run().await;
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!said.contains("hunter22"), "{arguments:?} with {value}: {said}");
        }
        let store = Program::new(&["worker", "--check"])
            .env("DATABASE_URL", "postgres://127.0.0.1:1/x")
            .env("DOCKER_HOST", "unix:///nonexistent.sock")
            .env("ODOOOPS_STORE_URL", value);
        let ended = store.run().await;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("store") && !said.contains("hunter22"), "{value}: {said}");
    }
}
