//! The policies that `docs/odooops-sh/SECURITY.md` names are those that the database has.

use crate::contract::scene::values;
use crate::support::postgres::TestDatabase;
use crate::support::shell::repository;

#[tokio::test]
async fn the_document_names_every_policy_and_no_other() {
    let superuser = TestDatabase::new().await;
    let sql = "select distinct policyname::text from pg_policies where schemaname = 'ops' order by 1";
    let policies: Vec<String> = values(&superuser.superuser().await, sql, &[]).await;
    let document =
        std::fs::read_to_string(repository().join("docs/odooops-sh/SECURITY.md")).expect("the document");
    let (_, table) = document.split_once("| policy | on | lets |").expect("the table of policies");
    let mut named: Vec<&str> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    named.sort_unstable();
    assert_eq!(named, policies);
}
