//! The writer of Mermaid's entity relationship diagrams: pure.

use super::model::{Column, Diagram, ForeignKey, Relation};
use super::topics::topics;
use super::{MADE_BY, is_plain, one_line};

/// Words of the notation that need quotes as the name of an entity.
const KEYWORDS: &[&str] = &[
    "accDescr",
    "accTitle",
    "class",
    "classDef",
    "direction",
    "many",
    "one",
    "only",
    "optionally",
    "style",
    "title",
    "to",
    "u",
    "zero",
];

/// Each topic with its tables, then what points where.
pub(super) fn write(diagram: &Diagram) -> String {
    let mut text = format!("%% {MADE_BY} mermaid\nerDiagram\n");
    let topics = topics(diagram);
    for topic in &topics {
        text.push_str(&format!("\n  %% {}\n", topic.title));
        for relation in &topic.relations {
            text.push_str(&entity(diagram, relation));
        }
    }
    text.push('\n');
    for relation in topics.iter().flat_map(|topic| &topic.relations) {
        for key in &relation.foreign_keys {
            text.push_str(&line(relation, key));
        }
    }
    text
}

fn entity(diagram: &Diagram, relation: &Relation) -> String {
    let comment = relation.comment.iter().map(|text| format!("  %% {}\n", one_line(text)));
    let columns: String =
        relation.columns.iter().map(|column| attribute(diagram, relation, column)).collect();
    format!("{}  {} {{\n{columns}  }}\n", comment.collect::<String>(), entity_name(&relation.name))
}

fn attribute(diagram: &Diagram, relation: &Relation, column: &Column) -> String {
    let mut marks = Vec::new();
    if relation.primary_key().is_some_and(|key| key.columns.contains(&column.name)) {
        marks.push("PK");
    }
    if relation.foreign_keys.iter().any(|key| key.columns.contains(&column.name)) {
        marks.push("FK");
    }
    if relation.keys.iter().any(|key| !key.is_primary && key.columns == [column.name.clone()]) {
        marks.push("UK");
    }
    let array = if column.column_type.is_array { "[]" } else { "" };
    let mut line = format!("    {}{array} {}", word(column.column_type.short_name()), word(&column.name));
    if !marks.is_empty() {
        line.push_str(&format!(" {}", marks.join(", ")));
    }
    let told = (!is_plain(&column.name)).then(|| format!("{}:", column.name));
    let values = diagram.values_of(&column.column_type).map(|values| format!("({})", values.join(", ")));
    let said: Vec<String> = [told, column.comment.clone(), values].into_iter().flatten().collect();
    if !said.is_empty() {
        line.push_str(&format!(" \"{}\"", quotable(&said.join(" "))));
    }
    line.push('\n');
    line
}

fn line(relation: &Relation, key: &ForeignKey) -> String {
    let one = if relation.is_optional(key) { "|o" } else { "||" };
    let many = if relation.is_unique(&key.columns) { "o|" } else { "o{" };
    format!(
        "  {} {one}--{many} {} : \"{}\"\n",
        entity_name(&key.target),
        entity_name(&relation.name),
        quotable(&key.columns.join(", "))
    )
}

fn entity_name(name: &str) -> String {
    if is_plain(name) && !KEYWORDS.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", quotable(name))
    }
}

/// Names of columns and types know no quotes.
fn word(name: &str) -> String {
    let letters: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '_' })
        .collect();
    if letters.starts_with(|first: char| first.is_ascii_digit()) || letters.is_empty() {
        return format!("_{letters}");
    }
    letters
}

fn quotable(text: &str) -> String {
    one_line(text).replace('"', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::diagram::sample::odd;

    #[test]
    fn odd_names_quotes_and_enums_are_written_so_that_a_parser_reads_them() {
        let text = write(&odd());
        for line in [
            "  \"odd things\" {",
            "  \"class\" {",
            "    uuid the_id PK \"the id:\"",
            "    uuid parent_id FK \"parent id:\"",
            "    odd_state state \"it's a \\ state (not 'yet', done)\"",
            "    text[] labels",
            "  \"odd things\" |o--o{ \"odd things\" : \"parent id\"",
            "  %% Two lines of \"comment\"",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn words_begin_with_a_letter() {
        assert_eq!(word("1st"), "_1st");
        assert_eq!(word(""), "_");
        assert_eq!(word("größe"), "gr__e");
    }
}
