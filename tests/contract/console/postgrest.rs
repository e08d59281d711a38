//! What PostgREST makes of a request: the part of its URL grammar that the document uses, as the SQL that it
//! sends. Columns and values as untyped literals, arguments through `json_to_record` with the function's types.

use serde_json::Value;
use tokio_postgres::Client;

use crate::contract::scene::row;

/// A request; `target` is the decoded path with its query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: Option<Value>,
}

impl Request {
    /// Reads `GET /path?query`, and a JSON body on the lines below.
    pub(super) fn parse(http: &str) -> Self {
        let (first, rest) = http.trim_end().split_once('\n').unwrap_or((http.trim_end(), ""));
        let (method, target) = first.split_once(' ').expect("a method and a path");
        let body = (!rest.is_empty()).then(|| serde_json::from_str(rest).expect("a JSON body"));
        Self { method: method.to_owned(), target: target.to_owned(), body }
    }

    /// One statement that gives the answer as a JSON list, and whether it changes something.
    pub(super) async fn sql(&self, catalog: &Client) -> (String, bool) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        match (self.method.as_str(), path.strip_prefix("/rpc/")) {
            ("POST", Some(function)) => self.call(function, catalog).await,
            ("GET", None) => (read(path.trim_start_matches('/'), query), false),
            other => panic!("a request that the document does not use: {other:?}"),
        }
    }

    async fn call(&self, function: &str, catalog: &Client) -> (String, bool) {
        let arguments = self.body.as_ref().and_then(Value::as_object).expect("named arguments");
        let sql = "select coalesce(array_agg(a.name || ' ' || format_type(t.type, null)), '{}'), \
               bool_or(p.provolatile = 'v') \
             from pg_proc p left join lateral unnest(p.proargnames) with ordinality a (name, n) on true \
             left join lateral (select p.proargtypes[a.n::int - 1] as type) t on true \
             where p.pronamespace = 'ops'::regnamespace and p.proname = $1 \
               and (a.name = any ($2) or cardinality($2::text[]) = 0) having count(*) > 0";
        let names: Vec<&String> = arguments.keys().collect();
        let known = row(catalog, sql, &[&function, &names]).await;
        let changes: bool = known.get(1);
        if names.is_empty() {
            return (
                format!("select coalesce(json_agg(answer), '[]') from ops.\"{function}\"() answer"),
                changes,
            );
        }
        let columns: Vec<String> = known.get(0);
        assert_eq!(columns.len(), names.len(), "{function} has other arguments: {columns:?}");
        let passed: Vec<String> =
            names.iter().map(|name| format!("\"{name}\" => arguments.\"{name}\"")).collect();
        let sql = format!(
            "select coalesce(json_agg(answer), '[]') from json_to_record({}) as arguments ({}), \
             lateral ops.\"{function}\"({}) answer",
            literal(&self.body.as_ref().expect("a body").to_string()),
            columns.join(", "),
            passed.join(", "),
        );
        (sql, changes)
    }
}

fn read(relation: &str, query: &str) -> String {
    let (mut columns, mut filters) = (String::from("*"), Vec::new());
    let (mut order, mut limit) = (String::new(), String::new());
    for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
        match name {
            "select" if value == "*" => {}
            "select" => columns = value.split(',').map(quoted).collect::<Vec<_>>().join(", "),
            "order" => {
                let terms: Vec<String> = value.split(',').map(order_term).collect();
                order = format!(" order by {}", terms.join(", "));
            }
            "limit" => limit.push_str(&format!(" limit {}", number(value))),
            "offset" => limit.push_str(&format!(" offset {}", number(value))),
            column => filters.push(filter(column, value)),
        }
    }
    let condition =
        if filters.is_empty() { String::new() } else { format!(" where {}", filters.join(" and ")) };
    format!(
        "select coalesce(json_agg(answer), '[]') from \
         (select {columns} from ops.{}{condition}{order}{limit}) answer",
        quoted(relation)
    )
}

fn filter(column: &str, value: &str) -> String {
    let column = quoted(column);
    let (operator, value) = value.split_once('.').expect("an operator");
    match operator {
        "eq" => format!("{column} = {}", literal(value)),
        "gt" => format!("{column} > {}", literal(value)),
        "is" if matches!(value, "true" | "false" | "null") => format!("{column} is {value}"),
        "in" => {
            let list = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).expect("(a,b)");
            let array = literal(&format!("{{{list}}}"));
            format!("{column} = any ({array})")
        }
        other => panic!("a filter that the document does not use: {other}"),
    }
}

fn order_term(term: &str) -> String {
    match term.rsplit_once('.').expect("a direction") {
        (column, direction @ ("asc" | "desc")) => format!("{} {direction}", quoted(column)),
        other => panic!("an order that the document does not use: {other:?}"),
    }
}

fn number(value: &str) -> u64 {
    value.parse().expect("a number")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A literal as psql and PostgREST quote it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
