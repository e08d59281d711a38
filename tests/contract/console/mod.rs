//! `docs/console.md`, executed: supabase-js sends the request that stands above it, and what PostgREST makes of
//! that request gives what the SQL gives.

pub(crate) mod document;
mod postgrest;
mod stage;
mod supabase_js;

use std::collections::BTreeMap;

use serde_json::Value;

use self::document::{Example, Reader, examples};
use self::stage::Stage;

/// Members of an answer that differ between two calls a moment apart.
const CLOCKS: &[&str] = &["age_secs", "oldest_age_secs", "duration_secs", "last_seen_at"];
/// Members that a call makes anew each time.
const MADE_ANEW: &[&str] =
    &["id", "run_number", "created_at", "updated_at", "cancel_requested_at", "finished_at"];

#[tokio::test]
async fn supabase_js_sends_the_requests_of_the_document() {
    let stage = Stage::new().await;
    let examples = examples();
    let sent = supabase_js::requests(&examples, &stage.names).await;
    let mut wrong = Vec::new();
    for (example, sent) in examples.iter().zip(&sent) {
        let written = postgrest::Request::parse(&stage.fill(&example.http));
        let profile = if written.body.is_some() { "content-profile" } else { "accept-profile" };
        let same = sent.method == written.method
            && sent.target() == written.target
            && sent.body == written.body
            && sent.headers.get(profile).map(String::as_str) == Some("ops");
        if !same {
            wrong.push(format!("{}:\n  written {written:?}\n  sent    {sent:?}", example.title));
        }
    }
    assert_eq!(sent.len(), examples.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_request_gives_what_its_sql_gives() {
    let mut stage = Stage::new().await;
    let mut empty = Vec::new();
    for example in examples() {
        let request = postgrest::Request::parse(&stage.fill(&example.http));
        let (sql, makes) = request.sql(&stage.scene.operator).await;
        let by_request = stage.answer(example.reader, &sql).await;
        let by_sql = stage.answer(example.reader, &in_psql(&example, &stage.names)).await;
        assert_eq!(
            comparable(by_request.clone(), makes),
            comparable(by_sql, makes),
            "{}: {sql}",
            example.title
        );
        if by_request == Value::Array(Vec::new()) {
            empty.push(example.title);
        }
    }
    assert!(empty.is_empty(), "these examples show nothing: {empty:?}");
}

#[tokio::test]
async fn the_document_names_every_function_that_users_may_call() {
    let named: String = examples().iter().map(|example| example.http.clone()).collect();
    let stage = Stage::new().await;
    let sql = "select p.proname::text from pg_proc p where p.pronamespace = 'ops'::regnamespace \
         and has_function_privilege('authenticated', p.oid, 'execute')";
    let callable: Vec<String> = crate::contract::scene::values(&stage.scene.operator, sql, &[]).await;
    // Policies call the first three; the others set a project up, which a console may leave to `odooops`.
    let left_out = [
        "clock",
        "is_operator",
        "my_project_ids",
        "contract_info",
        "put_concurrency_key",
        "put_member",
        "put_workflow",
        "workflow_definition_problem",
    ];
    let missing: Vec<_> = callable
        .iter()
        .filter(|name| !named.contains(&format!("/rpc/{name}\n")) && !left_out.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "docs/console.md has no example of {missing:?}");
}

/// The SQL line with psql's variables put in as psql does, as one JSON value.
fn in_psql(example: &Example, names: &BTreeMap<String, Value>) -> String {
    let statement = example.sql.trim_end().trim_end_matches(';');
    let filled = names.iter().fold(statement.to_owned(), |sql, (name, value)| {
        sql.replace(&format!(":'{name}'"), &postgrest::literal(&document::plain(value)))
    });
    assert!(!filled.contains(":'"), "{filled}");
    format!("select coalesce(json_agg(answer), '[]') from ({filled}) answer")
}

/// Without what no two calls have in common.
fn comparable(mut answer: Value, makes: bool) -> Value {
    mask(&mut answer, makes);
    answer
}

fn mask(value: &mut Value, makes: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, makes)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if CLOCKS.contains(&name.as_str()) || makes && MADE_ANEW.contains(&name.as_str()) {
                    *member = Value::Bool(member.is_null());
                }
            }
            // A function without columns is a value for PostgREST and a column of its name for SQL.
            if let Some(single) = members.values().next().filter(|_| members.len() == 1).cloned() {
                *value = single;
            }
        }
        _ => {}
    }
}

#[test]
fn the_section_says_who_asks() {
    let readers: Vec<Reader> = examples().iter().map(|example| example.reader).collect();
    assert!(readers.len() > 25 && readers.contains(&Reader::Service), "{readers:?}");
}
