//! The writer of a Prisma schema for clients that read: pure.

mod fields;
mod names;
mod relations;

use self::fields::{column_field, quoted};
use self::names::Names;
use self::relations::Links;
use super::model::{Column, Diagram, Index, Key, Relation, RelationKind};
use super::topics::{Topic, topics};
use super::{MADE_BY, one_line};

const HEAD: &str = "\
// For clients that read, logged in with ops_operator's rights: what that role may not read is ignored. Whoever
// changes something calls a function of ops. Indexes that Prisma cannot say (partial, of expressions) are comments.

generator client {
  provider        = \"prisma-client\"
  output          = \"./generated\"
  previewFeatures = [\"views\"]
}

datasource db {
  provider = \"postgresql\"
  schemas  = [\"ops\"]
}
";

/// Generator and datasource, enums, then each topic with its models and views.
pub(super) fn write(diagram: &Diagram) -> String {
    let names = Names::of_types(diagram);
    let mut parts = vec![format!("// {MADE_BY} prisma\n//\n{HEAD}")];
    for known in &diagram.enums {
        let inner = Names::within(known.values.iter());
        let values: String = known
            .values
            .iter()
            .map(|value| format!("  {}{}\n", inner.of(value), map("@map", inner.of(value), value)))
            .collect();
        let map = block_map(names.of(&known.name), &known.name);
        parts.push(format!(
            "{}enum {} {{\n{values}\n{map}  @@schema(\"ops\")\n}}\n",
            documentation("", known.comment.as_deref()),
            names.of(&known.name),
        ));
    }
    let links = Links::of(diagram, &names);
    for topic in topics(diagram) {
        parts.push(heading(&topic));
        parts.extend(topic.relations.iter().map(|relation| model(diagram, relation, &names, &links)));
    }
    parts.join("\n")
}

fn heading(topic: &Topic<'_>) -> String {
    format!("// {} {}\n", "-".repeat(4), topic.title)
}

/// Prisma wants a key without nulls of a model, and none of a view.
fn is_model(relation: &Relation) -> bool {
    let is_whole = |column: &&Column| column.not_null && !column.is_secret;
    relation.kind == RelationKind::Table
        && relation
            .keys
            .iter()
            .any(|key| key.columns.iter().all(|name| relation.column(name).as_ref().is_some_and(is_whole)))
}

fn model(diagram: &Diagram, relation: &Relation, names: &Names, links: &Links) -> String {
    let inner = Names::within(relation.columns.iter().map(|column| &column.name));
    let columns: String = relation
        .columns
        .iter()
        .map(|column| {
            let field = column_field(diagram, relation, column, names, &inner);
            format!("{}{field}\n", documentation("  ", column.comment.as_deref()))
        })
        .collect();
    let mut text = documentation("", relation.comment.as_deref());
    if relation.kind == RelationKind::Table && !is_model(relation) {
        text.push_str("/// A table without a key that Prisma takes, and so a view to it.\n");
    }
    let kind = if is_model(relation) { "model" } else { "view" };
    text.push_str(&format!("{kind} {} {{\n{columns}", names.of(&relation.name)));
    let linked = links.fields_of(&relation.name);
    if !linked.is_empty() {
        text.push_str(&format!("\n  {}\n", linked.join("\n  ")));
    }
    let mut attributes = Vec::new();
    if is_model(relation) {
        attributes.extend(relation.keys.iter().filter_map(|key| block_key(relation, key, &inner)));
        attributes.extend(relation.indexes.iter().map(|index| block_index(relation, index, &inner)));
    }
    text.push('\n');
    text.push_str(&attributes.concat());
    text.push_str(&block_map(names.of(&relation.name), &relation.name));
    text.push_str("  @@schema(\"ops\")\n}\n");
    text
}

/// A key of several columns; one of a single column stands at its field.
fn block_key(relation: &Relation, key: &Key, inner: &Names) -> Option<String> {
    if key.columns.len() < 2 {
        return None;
    }
    let (attribute, suffix) = if key.is_primary { ("@@id", "pkey") } else { ("@@unique", "key") };
    Some(block_list(relation, attribute, suffix, &key.name, &key.columns, inner))
}

fn block_index(relation: &Relation, index: &Index, inner: &Names) -> String {
    let columns: Option<Vec<String>> = index.keys.iter().map(|key| key.column.clone()).collect();
    let (attribute, suffix) = if index.is_unique { ("@@unique", "key") } else { ("@@index", "idx") };
    match (columns, &index.predicate) {
        (Some(columns), None) => block_list(relation, attribute, suffix, &index.name, &columns, inner),
        (_, predicate) => {
            let keys: Vec<&str> = index
                .keys
                .iter()
                .filter_map(|key| key.column.as_deref().or(key.expression.as_deref()))
                .collect();
            let unique = if index.is_unique { "unique index" } else { "index" };
            let rule = predicate.iter().map(|rule| format!(" where {}", one_line(rule)));
            format!("  // {unique} {} ({}){}\n", index.name, keys.join(", "), rule.collect::<String>())
        }
    }
}

fn block_list(
    relation: &Relation,
    attribute: &str,
    suffix: &str,
    name: &str,
    columns: &[String],
    inner: &Names,
) -> String {
    let fields: Vec<&str> = columns.iter().map(|column| inner.of(column)).collect();
    let usual = usual_name(relation, columns, suffix);
    let map = if usual == name { String::new() } else { format!(", map: {}", quoted(name)) };
    format!("  {attribute}([{}]{map})\n", fields.join(", "))
}

/// What Prisma takes for the name of a key or an index where none is said.
fn usual_name(relation: &Relation, columns: &[String], suffix: &str) -> String {
    match suffix {
        "pkey" => format!("{}_pkey", relation.name),
        other => format!("{}_{}_{other}", relation.name, columns.join("_")),
    }
}

fn documentation(indent: &str, comment: Option<&str>) -> String {
    comment.map(|text| format!("{indent}/// {}\n", one_line(text))).unwrap_or_default()
}

fn map(attribute: &str, identifier: &str, name: &str) -> String {
    if identifier == name { String::new() } else { format!(" {attribute}({})", quoted(name)) }
}

fn block_map(identifier: &str, name: &str) -> String {
    if identifier == name { String::new() } else { format!("  @@map({})\n", quoted(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::diagram::sample::odd;

    #[test]
    fn odd_names_quotes_and_enums_are_mapped() {
        let text = write(&odd());
        for line in [
            "enum odd_state {",
            "  not__yet_ @map(\"not \\\"yet\\\"\")",
            "  @@map(\"odd state\")",
            "model odd_things {",
            "  the_id String @id @default(dbgenerated(\"gen_random_uuid()\")) @map(\"the id\") @db.Uuid",
            "  state odd_state @default(not__yet_)",
            "  labels String[] @default([])",
            "  token String? @ignore @db.Uuid",
            "  login Unsupported(\"name\")?",
            "  @@unique([parent_id, state], map: \"odd_key\")",
            "  // index odd_idx (lower(state)) where (state <> 'x')",
            "  @@map(\"odd things\")",
            "/// Two lines of \"comment\"",
            "view class_ {",
            "  x_1st Int? @map(\"1st\")",
            "  @@map(\"class\")",
            "view seen {",
            "  n Decimal?",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn both_ends_of_a_foreign_key_are_fields() {
        let text = write(&odd());
        for line in [
            "  parent_id_odd_things odd_things? @relation(\"odd fkey\", fields: [parent_id], \
             references: [the_id], onDelete: SetNull, onUpdate: NoAction, map: \"odd fkey\")",
            "  odd_things_by_parent_id_odd_things odd_things[] @relation(\"odd fkey\")",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
    }
}
