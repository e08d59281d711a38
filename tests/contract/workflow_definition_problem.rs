//! The database judges a definition exactly as the worker does: the same verdict, path and words.

use odooops::workflow::parse;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tokio_postgres::Client;

use crate::support::postgres::TestDatabase;
use crate::workflow::definitions;

/// What the database says of each.
async fn judge(client: &Client, definitions: &[Value]) -> Vec<Option<String>> {
    let sql = "select ops.workflow_definition_problem(definition) \
               from jsonb_array_elements($1) with ordinality as judged (definition, position) \
               order by position";
    let rows = client.query(sql, &[&Value::from(definitions)]).await.expect("the database judges");
    rows.iter().map(|row| row.get(0)).collect()
}

fn worker_says(definition: &Value) -> Option<String> {
    parse(definition).err().map(|problem| problem.to_string())
}

#[tokio::test]
async fn database_and_worker_say_the_same_of_the_whole_corpus() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let (good, bad) = (definitions::good(), definitions::bad());
    let all: Vec<Value> = good.iter().chain(&bad).map(|sample| sample.definition.clone()).collect();
    let said = judge(&client, &all).await;
    for (index, (sample, said)) in good.iter().chain(&bad).zip(said).enumerate() {
        assert_eq!(said, worker_says(&sample.definition), "{}", sample.name);
        assert_eq!(said.is_none(), index < good.len(), "{}", sample.name);
    }
}

#[tokio::test]
async fn no_definition_at_all_is_a_problem_too() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let row = client.query_one("select ops.workflow_definition_problem(null)", &[]).await.expect("an answer");
    assert_eq!(row.get::<_, String>(0), "definition: must be an object");
}

#[test]
fn database_and_worker_say_the_same_of_definitions_changed_at_random() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(TestDatabase::new());
    let client = runtime.block_on(database.superuser());
    let good: Vec<Value> = definitions::good().into_iter().map(|sample| sample.definition).collect();
    // The largest only slow it down.
    let good: Vec<Value> = good.into_iter().filter(|value| value.to_string().len() < 4_000).collect();
    let changed =
        (any::<Index>(), prop::collection::vec(any_change(), 1..4)).prop_map(move |(which, changes)| {
            let mut definition = which.get(&good).clone();
            changes.iter().for_each(|change| change.apply(&mut definition));
            definition
        });
    let mut runner = TestRunner::new(Config {
        cases: 24,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    });
    let verdict = runner.run(&prop::collection::vec(changed, 100), |definitions| {
        let said = runtime.block_on(judge(&client, &definitions));
        for (definition, said) in definitions.iter().zip(said) {
            prop_assert_eq!(said, worker_says(definition), "{}", definition);
        }
        Ok(())
    });
    drop(client);
    verdict.expect("both say the same");
}

/// A change somewhere in a definition.
#[derive(Debug, Clone)]
enum Change {
    /// Puts a value in the place of another.
    Replace(Index, Value),
    /// Takes a key or an element away.
    Remove(Index, Index),
    /// Adds a key, or an element at the end.
    Add(Index, String, Value),
    /// Puts an element of an array in twice.
    Repeat(Index, Index),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any_value()).prop_map(|(at, value)| Change::Replace(at, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, which)| Change::Remove(at, which)),
        (any::<Index>(), any_key(), any_value()).prop_map(|(at, key, value)| Change::Add(at, key, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, which)| Change::Repeat(at, which)),
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "steps",
        "env",
        "timeout_secs",
        "concurrency_key",
        "retry",
        "supersede",
        "name",
        "image",
        "uses",
        "command",
        "shell",
        "with",
        "secrets",
        "services",
        "artifacts",
        "limits",
        "network",
        "when",
        "user",
        "modules",
        "demo",
        "cpus",
        "memory_mb",
        "pids",
        "ODOOOPS_X",
        "A",
    ]);
    prop_oneof![6 => known.prop_map(str::to_owned), 1 => any_text()]
}

/// Characters that rules, paths and JSON escapes treat in their own way; no NUL, which `jsonb` cannot hold.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9_]{0,4}", "[-a-zA-Z0-9_.:/@*?\\[\\]{}\\\\\"'$\n\t\u{1}\u{7f}é✓😀 ]{0,6}"]
}

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any_text().prop_map(Value::from),
        prop::sample::select(vec![
            "run",
            "none",
            "host",
            "odooops-x",
            "always",
            "all",
            "queued",
            "odoo/test",
            "a",
            "x/..",
            "**/a",
            "A",
            "ODOOOPS_A",
        ])
        .prop_map(Value::from),
        (-2_i64..700_000).prop_map(Value::from),
        (-1.0..300.0_f64).prop_map(Value::from),
        prop::sample::select(vec![0.0, -0.0, 0.01, 1.0, 256.0, 604_800.0, 1e30, 1e300, 1e-300])
            .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    scalar.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            Just(json!([{ "name": "x", "image": "y" }])),
        ]
    })
}

impl Change {
    fn apply(&self, definition: &mut Value) {
        match self {
            Self::Replace(at, value) => *pick(definition, at, &|_| true) = value.clone(),
            Self::Remove(at, which) => match pick(definition, at, &is_container) {
                Value::Object(map) if !map.is_empty() => {
                    let key = map.keys().nth(which.index(map.len())).expect("in range").clone();
                    map.remove(&key);
                }
                Value::Array(list) if !list.is_empty() => {
                    list.remove(which.index(list.len()));
                }
                _ => {}
            },
            Self::Add(at, key, value) => match pick(definition, at, &is_container) {
                Value::Object(map) => {
                    map.insert(key.clone(), value.clone());
                }
                Value::Array(list) => list.push(value.clone()),
                _ => {}
            },
            Self::Repeat(at, which) => {
                if let Value::Array(list) = pick(definition, at, &Value::is_array)
                    && !list.is_empty()
                {
                    list.push(list[which.index(list.len())].clone());
                }
            }
        }
    }
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// One of the values in a definition of which `fits` is true, or the whole where there is none.
fn pick<'a>(value: &'a mut Value, at: &Index, fits: &dyn Fn(&Value) -> bool) -> &'a mut Value {
    let mut pointers = Vec::new();
    list_pointers(value, String::new(), fits, &mut pointers);
    let pointer = if pointers.is_empty() { String::new() } else { at.get(&pointers).clone() };
    value.pointer_mut(&pointer).expect("a pointer to a value that was just seen")
}

fn list_pointers(value: &Value, pointer: String, fits: &dyn Fn(&Value) -> bool, pointers: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let none = Map::new();
    for (key, child) in value.as_object().unwrap_or(&none) {
        list_pointers(child, format!("{pointer}/{}", escape(key)), fits, pointers);
    }
    for (index, child) in value.as_array().map_or(&[][..], Vec::as_slice).iter().enumerate() {
        list_pointers(child, format!("{pointer}/{index}"), fits, pointers);
    }
    if fits(value) {
        pointers.push(pointer);
    }
}
