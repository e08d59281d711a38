//! Who sees and may do what: everything tried as everybody, written into `docs/security.md`, and proof that
//! no policy and no grant can change without that table changing.

mod actors;
mod calls;
mod mutations;
mod outcome;
mod stage;
mod table;

use std::path::PathBuf;

use url::Url;

use self::outcome::tried_functions;
use self::stage::Stage;
use crate::support::postgres::TestDatabase;
use crate::support::shell::repository;

const BEGIN: &str = "<!-- who-may-what: made by the test that compares it; not written by hand -->\n";
const END: &str = "<!-- who-may-what: end -->";

fn document() -> PathBuf {
    repository().join("docs/security.md")
}

/// The table in the document, and what stands around it.
fn committed() -> (String, String, String) {
    let text = std::fs::read_to_string(document()).expect("docs/security.md");
    let (before, rest) = text.split_once(BEGIN).expect("docs/security.md has the table's beginning");
    let (table, after) = rest.split_once(END).expect("docs/security.md has the table's end");
    (before.to_owned(), table.to_owned(), after.to_owned())
}

/// Tries everything on a migrated database with the tests' logins, and compares with the committed table.
pub(super) async fn compare_with_the_document(superuser_url: &Url) {
    let stage = Stage::new(superuser_url).await;
    let made = stage.table().await.markdown();
    let (before, table, after) = committed();
    if table != made && std::env::var_os("ODOOOPS_UPDATE_RIGHTS").is_some() {
        std::fs::write(document(), format!("{before}{BEGIN}{made}{END}{after}")).expect("write the table");
        return;
    }
    assert!(
        table == made,
        "docs/security.md does not say who may what; if the change is meant, renew it:\n\
         ODOOOPS_UPDATE_RIGHTS=1 cargo test --test odooops the_table_of_rights\n{}",
        made.lines().filter(|line| !table.contains(*line)).collect::<Vec<_>>().join("\n")
    );
}

#[tokio::test]
async fn the_table_of_rights_is_what_everybody_gets() {
    let database = TestDatabase::new().await;
    compare_with_the_document(&database.url().parse().expect("a URL")).await;
}

#[tokio::test]
async fn every_function_that_somebody_may_call_is_tried() {
    let database = TestDatabase::new().await;
    let stage = Stage::new(&database.url().parse().expect("a URL")).await;
    let (granted, tried) = (stage.granted_functions().await, tried_functions());
    let missing: Vec<_> = granted.difference(&tried).collect();
    let gone: Vec<_> = tried.difference(&granted).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "tests/isolation/who_may_what/calls.rs lacks {missing:?} and has {gone:?}, which nobody may call"
    );
}

#[tokio::test]
async fn every_table_and_view_has_rows_of_both_projects() {
    let database = TestDatabase::new().await;
    let stage = Stage::new(&database.url().parse().expect("a URL")).await;
    for relation in stage.relations().await {
        let line = stage.reading(&relation, &[actors::Who::Operator]).await;
        // What not even an operator reads cannot be seen through any policy.
        let seen = &line.outcomes[0].1.of_a;
        assert!(seen.starts_with("all") || seen == "42501", "{relation}: an operator sees {seen}");
    }
}

#[tokio::test]
async fn nothing_is_written_but_by_functions_and_the_one_insert() {
    let database = TestDatabase::new().await;
    let stage = Stage::new(&database.url().parse().expect("a URL")).await;
    assert_eq!(stage.writes_that_came_through().await, Vec::<String>::new());
}
