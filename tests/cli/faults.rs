//! What is said when the database is away, empty, or not ours to use; and that no secret is ever said.

use serde_json::Value;

use super::program::{Program, shop};
use crate::support::postgres::{TestDatabase, server_url};
use crate::support::postgres_roles::Login;

const AWAY: &str = "postgres://someone:hunter22@127.0.0.1:1/ops";

#[tokio::test]
async fn an_unreachable_database_is_named_with_its_variable_and_ends_with_3() {
    for variable in ["DATABASE_URL", "SUPABASE_DB_URL"] {
        let ended = Program::new(&["run", "list"]).env(variable, AWAY).run().await;
        let said = ended.refused(3, &["127.0.0.1:1/ops", variable, "cannot be reached"]);
        assert!(!said.contains("hunter22"), "{said}");
    }
}

#[tokio::test]
async fn with_json_an_error_is_one_document_on_stderr() {
    let said = Program::new(&["run", "list", "--json"]).env("DATABASE_URL", AWAY).run().await.refused(3, &[]);
    let error: Value = serde_json::from_str(&said).expect("JSON on stderr");
    assert_eq!(error["exit_code"], 3);
    assert!(error["error"].as_str().is_some_and(|text| text.contains("127.0.0.1:1")), "{error}");
    assert!(!said.contains("hunter22"), "{said}");
}

#[tokio::test]
async fn a_missing_or_wrong_url_is_wrong_usage_and_not_repeated() {
    Program::new(&["run", "list"])
        .run()
        .await
        .refused(2, &["DATABASE_URL", "SUPABASE_DB_URL", "postgres://"]);
    let wrong = Program::new(&["run", "list"]).env("DATABASE_URL", "mysql://me:hunter22@db/x").run().await;
    let said = wrong.refused(2, &["DATABASE_URL", "postgres://"]);
    assert!(!said.contains("hunter22"), "{said}");
}

#[tokio::test]
async fn a_wrong_password_or_name_says_what_to_check_and_not_the_password() {
    let mut url = server_url();
    url.set_path("/no_such_database_anywhere");
    let ended = Program::new(&["run", "list"]).env("DATABASE_URL", url.as_str()).run().await;
    ended.refused(3, &["no_such_database_anywhere", "DATABASE_URL"]);
    let database = TestDatabase::new().await;
    let url = database.login_url(Login::Operator).replace("odooops-test@", "hunter22@");
    let ended = Program::new(&["run", "list"]).env("DATABASE_URL", &url).run().await;
    let said = ended.refused(3, &["DATABASE_URL"]);
    assert!(!said.contains("hunter22"), "{said}");
}

#[tokio::test]
async fn an_empty_database_says_to_migrate() {
    let database = TestDatabase::empty().await;
    let ended = Program::new(&["run", "list"]).env("DATABASE_URL", &database.url()).run().await;
    ended.refused(3, &["odooops migrate"]);
}

#[tokio::test]
async fn a_login_without_rights_says_which_role_is_needed() {
    let database = shop().await;
    for login in [Login::Worker, Login::Nobody] {
        let ended =
            Program::new(&["run", "list"]).env("DATABASE_URL", &database.login_url(login)).run().await;
        ended.refused(2, &["permission denied", "ops_operator", "DATABASE_URL"]);
    }
}

#[tokio::test]
async fn even_at_the_loudest_log_level_no_password_is_printed() {
    let database = shop().await;
    let ended = Program::on(&database, &["run", "list", "--log", "trace"])
        .env("ODOOOPS_SECRET_TOKEN", "hunter22")
        .run()
        .await;
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, 0);
    assert!(!all.contains("hunter22") && !all.contains(crate::support::postgres_roles::PASSWORD), "{all}");
}
