//! Names of the database as identifiers of Prisma: pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::diagram::model::Diagram;

/// What Prisma or TypeScript keeps for itself as the name of a type.
const RESERVED: &[&str] = &[
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "using",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "BigInt",
    "Boolean",
    "Bytes",
    "DateTime",
    "Decimal",
    "Float",
    "Int",
    "Json",
    "String",
    "PrismaClient",
    "Unsupported",
];

/// An identifier for each name of a place, no two the same.
#[derive(Debug)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Of all enums, tables and views, which share one name space.
    pub(super) fn of_types(diagram: &Diagram) -> Self {
        let enums = diagram.enums.iter().map(|known| &known.name);
        let relations = diagram.relations.iter().map(|relation| &relation.name);
        Self::made(enums.chain(relations), RESERVED)
    }

    /// Of the columns of a table or the values of an enum.
    pub(super) fn within<'a>(names: impl Iterator<Item = &'a String>) -> Self {
        Self::made(names, &[])
    }

    fn made<'a>(names: impl Iterator<Item = &'a String>, reserved: &[&str]) -> Self {
        let names: BTreeSet<&String> = names.collect();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut made = BTreeMap::new();
        // Who needs no change comes first, so that it gets none.
        let (plain, odd): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| identifier(name) == **name);
        for name in plain.into_iter().chain(odd) {
            let mut free = identifier(name);
            while taken.contains(&free) || reserved.contains(&free.as_str()) {
                free.push('_');
            }
            taken.insert(free.clone());
            made.insert(name.clone(), free);
        }
        Self(made)
    }

    /// The identifier; a name from elsewhere is its own.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// Letters, digits and underscores, a letter first.
fn identifier(name: &str) -> String {
    let letters: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if letters.starts_with(|first: char| first.is_ascii_alphabetic()) {
        letters
    } else {
        format!("x_{letters}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_become_the_same() {
        let names: Vec<String> = ["a b", "a_b", "a-b", "_x", "9"].map(str::to_owned).to_vec();
        let made = Names::within(names.iter());
        assert_eq!(made.of("a_b"), "a_b");
        assert_eq!((made.of("a b"), made.of("a-b")), ("a_b_", "a_b__"));
        assert_eq!((made.of("_x"), made.of("9")), ("x__x", "x_9"));
    }

    #[test]
    fn words_of_the_language_get_a_tail_as_types_only() {
        let names = ["class".to_owned()];
        assert_eq!(Names::made(names.iter(), RESERVED).of("class"), "class_");
        assert_eq!(Names::within(names.iter()).of("class"), "class");
    }
}
