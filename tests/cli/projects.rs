//! `odooops project …`.

use super::program::{Program, shop};
use crate::support::postgres::TestDatabase;

#[tokio::test]
async fn a_project_is_created_and_listed() {
    let database = TestDatabase::new().await;
    let none = Program::on(&database, &["project", "list"]).run().await.done();
    assert!(none.contains("odooops project create"), "{none}");
    let flags = [
        "project",
        "create",
        "shop",
        "--name",
        "The shop",
        "--repo",
        "https://git.example/shop.git",
        "--default-branch",
        "main",
        "--odoo-version",
        "18.0",
        "--max-running",
        "2",
        "--settings",
        r#"{"database": "shop_production"}"#,
        "--settings",
        "demo:=false",
        "--json",
    ];
    let project = Program::on(&database, &flags).run().await.json();
    assert_eq!(project["slug"], "shop");
    assert_eq!(project["repo_url"], "https://git.example/shop.git");
    assert_eq!(project["odoo_version"], "18.0");
    assert_eq!(project["max_running"], 2);
    assert_eq!(project["settings"], serde_json::json!({"database": "shop_production", "demo": false}));

    let table = Program::on(&database, &["project", "list"]).run().await.done();
    assert!(table.starts_with("PROJECT") && table.contains("shop  ") && table.contains("18.0"), "{table}");
    let list = Program::on(&database, &["project", "list", "--json"]).run().await.json();
    assert_eq!(list[0]["slug"], "shop");
}

#[tokio::test]
async fn an_existing_project_is_refused_kept_or_changed_as_asked() {
    let database = shop().await;
    let create =
        |flags: &[&'static str]| Program::on(&database, &[&["project", "create", "shop"], flags].concat());
    create(&[]).run().await.refused(2, &["exists already", "--if-missing", "--update"]);
    let kept = create(&["--if-missing", "--odoo-version", "17.0", "--json"]).run().await.json();
    assert_eq!(kept["odoo_version"], "18.0");
    let changed = create(&["--update", "--odoo-version", "17.0", "--json"]).run().await.json();
    assert_eq!(changed["odoo_version"], "17.0");
    create(&["--update", "--if-missing"]).run().await.refused(2, &["--if-missing"]);
}

#[tokio::test]
async fn a_slug_that_breaks_the_rule_is_refused_with_the_rule() {
    let database = TestDatabase::new().await;
    Program::on(&database, &["project", "create", "My Shop"]).run().await.refused(2, &["p_slug"]);
}
