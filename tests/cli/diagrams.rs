//! `odooops schema export`, and the committed diagrams: what a migrated database gives.

use crate::cli::program::Program;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::shell::repository;

/// The committed files.
const FILES: &[(&str, &str)] =
    &[("dbml", "dbml/ops.dbml"), ("mermaid", "erd/ops.mmd"), ("prisma", "dbml/schema.prisma")];

async fn export(database: &TestDatabase, format: &str) -> String {
    Program::on(database, &["schema", "export", "--format", format]).run().await.done()
}

#[tokio::test]
async fn the_committed_diagrams_are_those_of_a_migrated_database() {
    let database = TestDatabase::new().await;
    let mut behind = Vec::new();
    for (format, file) in FILES {
        let path = repository().join(file);
        let made = export(&database, format).await;
        if std::env::var_os("ODOOOPS_UPDATE_DIAGRAMS").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            std::fs::write(&path, &made).expect("the diagram is written");
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&made) {
            behind.push(file);
        }
    }
    assert!(
        behind.is_empty(),
        "{behind:?} are behind: ODOOOPS_UPDATE_DIAGRAMS=1 cargo test --test odooops diagrams renews them"
    );
}

#[tokio::test]
async fn the_export_does_not_depend_on_who_asks_and_how_the_session_is_set() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    superuser
        .batch_execute(&format!("alter database {} set search_path = ops, public", database.name()))
        .await
        .expect("a search path");
    for (format, _) in FILES {
        let by_operator = export(&database, format).await;
        for url in [database.url(), database.login_url(Login::Worker)] {
            let program = Program::new(&["schema", "export", "--format", format]);
            assert_eq!(program.env("DATABASE_URL", &url).run().await.done(), by_operator, "{format}");
        }
    }
}

#[tokio::test]
async fn a_new_table_a_partition_and_bookkeeping_are_told_apart() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    superuser
        .batch_execute(
            "create table ops.\"odd things\" (\"the id\" int primary key); \
             comment on table ops.\"odd things\" is 'It''s \"odd\"'",
        )
        .await
        .expect("a table");
    for (format, _) in FILES {
        let text = export(&database, format).await;
        assert!(text.contains("odd things") && (text.contains("It's") || text.contains("It\\'s")), "{text}");
        for left_out in ["schema_history", "schema_objects", "run_events_2"] {
            assert!(!text.contains(left_out), "{format}: {left_out}");
        }
    }
}

#[tokio::test]
async fn out_writes_the_file_over_an_older_one() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ops.dbml");
    std::fs::write(&path, "older").expect("an older file");
    let file = path.to_str().expect("UTF-8");
    let arguments = ["schema", "export", "--format", "dbml", "--out", file, "--json"];
    let said = Program::on(&database, &arguments).run().await.json();
    assert_eq!((said["format"].as_str(), said["file"].as_str()), (Some("dbml"), Some(file)));
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), export(&database, "dbml").await);
    let nowhere = folder.path().join("missing/ops.dbml");
    let arguments = ["schema", "export", "--format", "dbml", "--out", nowhere.to_str().expect("UTF-8")];
    Program::on(&database, &arguments).run().await.refused(3, &["writing", "missing/ops.dbml"]);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_says_what_to_do() {
    let database = TestDatabase::empty().await;
    let program = Program::new(&["schema", "export", "--format", "dbml"]);
    let ended = program.env("DATABASE_URL", &database.url()).run().await;
    ended.refused(3, &["never migrated", "odooops migrate"]);
}

#[tokio::test]
async fn an_unknown_format_names_those_there_are() {
    let ended = Program::new(&["schema", "export", "--format", "uml"]).run().await;
    ended.refused(2, &["uml", "dbml", "mermaid", "prisma"]);
    Program::new(&["schema", "export"]).run().await.refused(2, &["--format"]);
}
