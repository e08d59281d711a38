//! The examples of `docs/console.md`: under each heading of the third level a request, a line of supabase-js and
//! a statement.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::shell::repository;

/// Who sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// An admin of the project.
    Admin,
    /// With the service key.
    Service,
}

/// One example.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) title: String,
    pub(super) reader: Reader,
    pub(super) http: String,
    pub(super) js: String,
    pub(super) sql: String,
}

/// The document.
pub(super) fn text() -> String {
    std::fs::read_to_string(repository().join("docs/console.md")).expect("docs/console.md")
}

/// Its examples, in their order.
pub(super) fn examples() -> Vec<Example> {
    let text = text();
    let mut examples = Vec::new();
    for section in text.split("\n## ").skip(1) {
        let reader =
            if section.starts_with("With the service key") { Reader::Service } else { Reader::Admin };
        for example in section.split("\n### ").skip(1) {
            let title = example.lines().next().unwrap_or_default().to_owned();
            let block = |language: &str| {
                let fence = format!("```{language}\n");
                let (_, rest) =
                    example.split_once(&fence).unwrap_or_else(|| panic!("{title} has no {language}"));
                rest.split_once("```").unwrap_or_else(|| panic!("{title}: an open {language}")).0.to_owned()
            };
            let (http, js, sql) = (block("http"), block("js"), block("sql"));
            examples.push(Example { title, reader, http, js, sql });
        }
    }
    examples
}

/// The statements that open Realtime to our hints.
pub(crate) fn realtime_grants() -> String {
    let text = text();
    let (_, rest) = text.split_once("```sql grants\n").expect("the grants");
    rest.split_once("```").expect("their end").0.to_owned()
}

/// A value as it stands in a URL or between quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `{name}` → its value.
pub(super) fn fill(template: &str, names: &BTreeMap<String, Value>) -> String {
    names
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &plain(value)))
}
