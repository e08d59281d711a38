//! `odooops workflow …`.

use serde_json::json;

use super::program::{Program, shop};

const GOOD: &str = r#"{"steps": [{"name": "hello", "image": "debian:12", "command": ["echo", "hello"]}]}"#;
const WRONG: &str = r#"{"steps": [{"name": "hello", "image": "debian:12", "comand": ["echo"]}]}"#;

fn file(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("hello.json");
    std::fs::write(&path, text).expect("a file");
    let path = path.to_str().expect("UTF-8").to_owned();
    (dir, path)
}

#[tokio::test]
async fn check_judges_files_without_a_database() {
    let (_good_dir, good) = file(GOOD);
    let (_wrong_dir, wrong) = file(WRONG);
    assert!(Program::new(&["workflow", "check", &good]).run().await.done().contains("good"));
    let verdicts = Program::new(&["workflow", "check", "--json", &good, &wrong]).run().await;
    assert_eq!(verdicts.code, 1);
    let verdicts: serde_json::Value = serde_json::from_str(&verdicts.stdout).expect("JSON");
    assert_eq!(verdicts[0]["problem"], json!(null));
    let problem = verdicts[1]["problem"].as_str().expect("a problem");
    assert!(problem.starts_with("steps[0]") && problem.contains("comand"), "{problem}");
}

#[tokio::test]
async fn check_reads_stdin() {
    let ended = Program::new(&["workflow", "check", "-"]).run_with(WRONG).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("steps[0]"), "{ended:?}");
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_json_is_named() {
    let (_dir, broken) = file("{\n  \"steps\": [,]\n}");
    Program::new(&["workflow", "check", &broken])
        .run()
        .await
        .refused(2, &[&broken, "line 2", "workflow-format"]);
    Program::new(&["workflow", "check", "/nonexistent.json"]).run().await.refused(2, &["/nonexistent.json"]);
}

#[tokio::test]
async fn put_stores_versions_that_show_and_list_give_back() {
    let database = shop().await;
    let (_dir, path) = file(GOOD);
    let put = ["workflow", "put", "shop", "hello", &path, "--json"];
    let stored = Program::on(&database, &put).run().await.json();
    assert_eq!(stored, json!({"name": "hello", "version": 1}));
    let again = Program::on(&database, &put).run().await.json();
    assert_eq!(again["version"], 1, "the same definition is no new version");
    let changed = GOOD.replace("\"hello\"]", "\"goodbye\"]");
    let text =
        Program::on(&database, &["workflow", "put", "shop", "hello", "-"]).run_with(&changed).await.done();
    assert!(text.contains("version 2"), "{text}");

    let shown =
        Program::on(&database, &["workflow", "show", "hello", "--project", "shop", "--json"]).run().await;
    let shown = shown.json();
    assert_eq!(shown["definition"]["steps"][0]["command"], json!(["echo", "goodbye"]));
    let text = Program::on(&database, &["workflow", "show", "odoo-build"]).run().await.done();
    assert!(text.contains("(built-in)") && text.contains("odoo/build"), "{text}");

    let list =
        Program::on(&database, &["workflow", "list", "--project", "shop", "--json"]).run().await.json();
    let names: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|w| w["name"].as_str()).collect();
    assert_eq!(names, ["odoo-backup", "odoo-build", "odoo-test", "hello"]);
    let table = Program::on(&database, &["workflow", "list"]).run().await.done();
    assert!(table.starts_with("PROJECT") && table.contains("hello"), "{table}");
}

#[tokio::test]
async fn put_refuses_a_wrong_definition_with_the_path_of_the_key() {
    let database = shop().await;
    let (_dir, path) = file(WRONG);
    let put = ["workflow", "put", "shop", "hello", &path];
    Program::on(&database, &put).run().await.refused(2, &[&path, "steps[0]", "comand"]);
}

#[tokio::test]
async fn unknown_projects_and_workflows_say_what_there_is() {
    let database = shop().await;
    let (_dir, path) = file(GOOD);
    let put = ["workflow", "put", "shpo", "hello", &path];
    Program::on(&database, &put)
        .run()
        .await
        .refused(2, &["no project shpo", "shop", "odooops project create"]);
    let show = ["workflow", "show", "hello"];
    Program::on(&database, &show).run().await.refused(2, &["hello", "--project", "odooops workflow list"]);
    let list = ["workflow", "list", "--project", "shpo"];
    Program::on(&database, &list).run().await.refused(2, &["no project shpo"]);
}
