//! The writer of DBML: pure.

use super::model::{Column, Diagram, ForeignKey, Index, OnDelete, Relation, RelationKind};
use super::topics::{Topic, topics};
use super::{MADE_BY, is_plain, one_line, text_constant};

/// Enums, then each topic with its tables, then what points where.
pub(super) fn write(diagram: &Diagram) -> String {
    let mut parts = vec![format!(
        "// {MADE_BY} dbml\n\nProject odooops {{\n  database_type: 'PostgreSQL'\n  Note: 'Views stand among the \
         tables; partitions and what migrations keep for themselves are left out.'\n}}\n"
    )];
    for known in &diagram.enums {
        let comment = known.comment.iter().map(|text| format!("// {}\n", one_line(text)));
        let values = known.values.iter().map(|value| format!("  {}\n", name(value)));
        parts.push(format!(
            "{}Enum ops.{} {{\n{}}}\n",
            comment.collect::<String>(),
            name(&known.name),
            values.collect::<String>()
        ));
    }
    for topic in topics(diagram) {
        parts.push(group(&topic));
        parts.extend(topic.relations.iter().map(|relation| table(relation)));
    }
    let references: String = topics(diagram)
        .iter()
        .flat_map(|topic| &topic.relations)
        .flat_map(|relation| relation.foreign_keys.iter().map(|key| reference(relation, key)))
        .collect();
    parts.push(references);
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn group(topic: &Topic<'_>) -> String {
    let tables = topic.relations.iter().map(|relation| format!("  ops.{}\n", name(&relation.name)));
    let title = text(topic.title);
    format!("TableGroup {} [note: {title}] {{\n{}}}\n", topic.name, tables.collect::<String>())
}

fn table(relation: &Relation) -> String {
    let mut body: String = relation.columns.iter().map(|it| column(relation, it)).collect();
    body.push_str(&block("indexes", indexes(relation)));
    let checks = relation
        .checks
        .iter()
        .map(|check| format!("{} [name: {}]", expression(&check.rule), text(&check.name)))
        .collect();
    body.push_str(&block("checks", checks));
    let kind = match relation.kind {
        RelationKind::Table => None,
        RelationKind::View => Some("View.".to_owned()),
    };
    if let Some(note) = join(kind, relation.comment.clone()) {
        body.push_str(&format!("\n  Note: {}\n", text(&note)));
    }
    format!("Table ops.{} {{\n{body}}}\n", name(&relation.name))
}

fn block(title: &str, lines: Vec<String>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("\n  {title} {{\n    {}\n  }}\n", lines.join("\n    "))
}

fn column(relation: &Relation, column: &Column) -> String {
    let alone = [column.name.clone()];
    let mut settings = Vec::new();
    if relation.primary_key().is_some_and(|key| key.columns == alone) {
        settings.push("pk".to_owned());
    } else if relation.is_unique(&alone) {
        settings.push("unique".to_owned());
    }
    if column.not_null {
        settings.push("not null".to_owned());
    }
    if column.is_identity {
        settings.push("increment".to_owned());
    }
    settings.extend(column.default.iter().map(|default| format!("default: {}", value(default))));
    let secret = column.is_secret.then(|| "Readable by no role.".to_owned());
    if let Some(note) = join(column.comment.clone(), secret) {
        settings.push(format!("note: {}", text(&note)));
    }
    let settings = if settings.is_empty() { String::new() } else { format!(" [{}]", settings.join(", ")) };
    format!("  {} {}{settings}\n", name(&column.name), column_type(column))
}

fn column_type(column: &Column) -> String {
    let known = &column.column_type;
    let schema = known.schema.iter().map(|schema| format!("{}.", name(schema))).collect::<String>();
    let array = if known.is_array { "[]" } else { "" };
    format!("{schema}{}{array}", name(known.short_name()))
}

/// Keys of several columns, and indexes.
fn indexes(relation: &Relation) -> Vec<String> {
    let keys = relation.keys.iter().filter(|key| key.columns.len() > 1).map(|key| {
        let columns: Vec<String> = key.columns.iter().map(|column| name(column)).collect();
        let kind = if key.is_primary { "pk" } else { "unique" };
        format!("({}) [{kind}, name: {}]", columns.join(", "), text(&key.name))
    });
    keys.chain(relation.indexes.iter().map(index)).collect()
}

fn index(index: &Index) -> String {
    let keys: Vec<String> = index
        .keys
        .iter()
        .map(|key| match (&key.column, &key.expression) {
            (Some(column), _) => name(column),
            (None, found) => expression(found.as_deref().unwrap_or_default()),
        })
        .collect();
    let unique = if index.is_unique { "unique, " } else { "" };
    let note = index.predicate.iter().map(|rule| format!(", note: {}", text(&format!("where {rule}"))));
    let note: String = note.collect();
    format!("({}) [{unique}name: {}{note}]", keys.join(", "), text(&index.name))
}

fn reference(relation: &Relation, key: &ForeignKey) -> String {
    let side = |table: &str, columns: &[String]| {
        let columns: Vec<String> = columns.iter().map(|column| name(column)).collect();
        match columns.as_slice() {
            [only] => format!("ops.{}.{only}", name(table)),
            several => format!("ops.{}.({})", name(table), several.join(", ")),
        }
    };
    let sign = if relation.is_unique(&key.columns) { '-' } else { '>' };
    let on_delete = match key.on_delete {
        OnDelete::Cascade => "cascade",
        OnDelete::SetNull => "set null",
        OnDelete::SetDefault => "set default",
        OnDelete::Restrict => "restrict",
        OnDelete::NoAction => "no action",
    };
    format!(
        "Ref {}: {} {sign} {} [delete: {on_delete}]\n",
        name(&key.name),
        side(&relation.name, &key.columns),
        side(&key.target, &key.target_columns),
    )
}

/// A default: constants as such, the rest as an expression.
fn value(default: &str) -> String {
    if let Some(constant) = text_constant(default).filter(|_| !default.ends_with(']')) {
        return text(&constant);
    }
    match default.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) if matches!(default, "true" | "false") => default.to_owned(),
        Err(_) => expression(default),
    }
}

fn join(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one} {other}")),
        (one, other) => one.or(other),
    }
}

fn name(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { format!("\"{}\"", escaped(name, '"')) }
}

fn text(text: &str) -> String {
    format!("'{}'", escaped(&one_line(text), '\''))
}

fn escaped(text: &str, quote: char) -> String {
    text.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"))
}

/// Between backticks, which cannot be written inside.
fn expression(sql: &str) -> String {
    format!("`{}`", one_line(sql).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::diagram::sample::odd;

    #[test]
    fn odd_names_quotes_and_enums_are_written_so_that_a_parser_reads_them() {
        let text = write(&odd());
        for line in [
            "Enum ops.\"odd state\" {",
            "  \"not \\\"yet\\\"\"",
            "  \"the id\" uuid [pk, not null, default: `gen_random_uuid()`]",
            "  state ops.\"odd state\" [not null, default: 'not \"yet\"', note: 'it\\'s a \\\\ state']",
            "  labels text[] [not null, default: `'{}'::text[]`]",
            "  token uuid [note: 'Readable by no role.']",
            "    (\"parent id\", state) [unique, name: 'odd_key']",
            "    (`lower(state)`) [name: 'odd_idx', note: 'where (state <> \\'x\\')']",
            "    `(length(labels) > 0)` [name: 'odd_check']",
            "  Note: 'Two lines of \"comment\"'",
            "Ref \"odd fkey\": ops.\"odd things\".\"parent id\" > ops.\"odd things\".\"the id\" [delete: set null]",
            "  Note: 'View. What can be seen.'",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
    }
}
