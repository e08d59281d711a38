//! A schema with everything that is hard to write down, for the tests of the writers.

use serde_json::json;

use super::model::Diagram;

/// A table whose names, comments and values need quotes, and a view.
pub(super) fn odd() -> Diagram {
    let column = |name: &str, type_name: &str| {
        json!({
            "name": name,
            "type": {"name": type_name, "schema": null, "is_enum": false, "is_array": false},
            "not_null": false, "default": null, "is_identity": false, "is_secret": false, "comment": null,
        })
    };
    let mut id = column("the id", "uuid");
    id["not_null"] = json!(true);
    id["default"] = json!("gen_random_uuid()");
    let mut state = column("state", "odd state");
    state["type"] = json!({"name": "odd state", "schema": "ops", "is_enum": true, "is_array": false});
    state["not_null"] = json!(true);
    state["default"] = json!("'not \"yet\"'::ops.\"odd state\"");
    state["comment"] = json!("it's a \\ state");
    let mut labels = column("labels", "text");
    labels["type"]["is_array"] = json!(true);
    labels["not_null"] = json!(true);
    labels["default"] = json!("'{}'::text[]");
    let mut token = column("token", "uuid");
    token["is_secret"] = json!(true);
    let mut login = column("login", "name");
    login["is_secret"] = json!(true);
    let document = json!({
        "enums": [{"name": "odd state", "values": ["not \"yet\"", "done"], "comment": "How it is."}],
        "relations": [
            {
                "name": "odd things", "kind": "table", "comment": "Two lines\nof \"comment\"",
                "columns": [id, column("parent id", "uuid"), state, labels, token, login],
                "keys": [
                    {"name": "odd things_pkey", "is_primary": true, "columns": ["the id"]},
                    {"name": "odd_key", "is_primary": false, "columns": ["parent id", "state"]},
                ],
                "foreign_keys": [{
                    "name": "odd fkey", "columns": ["parent id"], "target": "odd things",
                    "target_columns": ["the id"], "on_delete": "set_null",
                }],
                "checks": [{"name": "odd_check", "rule": "(length(labels) > 0)"}],
                "indexes": [{
                    "name": "odd_idx", "is_unique": false, "predicate": "(state <> 'x')",
                    "keys": [{"column": null, "expression": "lower(state)"}],
                }],
            },
            {
                "name": "class", "kind": "table", "comment": null, "columns": [column("1st", "int4")],
                "keys": [{"name": "class_key", "is_primary": false, "columns": ["1st"]}], "foreign_keys": [], "checks": [], "indexes": [],
            },
            {
                "name": "seen", "kind": "view", "comment": "What can be seen.",
                "columns": [column("n", "numeric")],
                "keys": [], "foreign_keys": [], "checks": [], "indexes": [],
            },
        ],
    });
    serde_json::from_value(document).expect("a diagram")
}
