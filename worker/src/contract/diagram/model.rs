//! What the writers get: schema `ops` as plain values, in the order of the catalog.

use serde::Deserialize;

/// Everything there is to draw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Diagram {
    pub(super) enums: Vec<EnumType>,
    pub(super) relations: Vec<Relation>,
}

impl Diagram {
    /// The values of an enum of ours.
    pub(super) fn values_of(&self, column_type: &ColumnType) -> Option<&[String]> {
        if !column_type.is_enum {
            return None;
        }
        self.enums.iter().find(|known| known.name == column_type.name).map(|known| known.values.as_slice())
    }
}

/// An enum.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct EnumType {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    pub(super) comment: Option<String>,
}

/// Where rows are, or what only looks so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RelationKind {
    Table,
    View,
}

/// A table or a view.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) kind: RelationKind,
    pub(super) comment: Option<String>,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) checks: Vec<Check>,
    pub(super) indexes: Vec<Index>,
}

impl Relation {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.is_primary)
    }

    /// Whether at most one row has the same values in these columns.
    pub(super) fn is_unique(&self, columns: &[String]) -> bool {
        self.keys.iter().any(|key| key.columns == columns)
    }

    /// Whether a row need not point anywhere.
    pub(super) fn is_optional(&self, key: &ForeignKey) -> bool {
        key.columns.iter().any(|name| self.column(name).is_some_and(|column| !column.not_null))
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) column_type: ColumnType,
    pub(super) not_null: bool,
    /// The expression.
    pub(super) default: Option<String>,
    pub(super) is_identity: bool,
    /// Not even an operator may read it.
    pub(super) is_secret: bool,
    pub(super) comment: Option<String>,
}

/// A type; of an array, that of its elements.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ColumnType {
    /// As in `pg_type`: `int4`.
    pub(super) name: String,
    /// None: built in.
    pub(super) schema: Option<String>,
    pub(super) is_enum: bool,
    pub(super) is_array: bool,
}

impl ColumnType {
    /// As people write it in a `create table`, without the schema.
    pub(super) fn short_name(&self) -> &str {
        match (self.schema.as_deref(), self.name.as_str()) {
            (None, "int2") => "smallint",
            (None, "int4") => "int",
            (None, "int8") => "bigint",
            (None, "bool") => "boolean",
            (_, name) => name,
        }
    }
}

/// A primary or unique key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) is_primary: bool,
    pub(super) columns: Vec<String>,
}

/// What becomes of a row when the one it points to goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDelete {
    Cascade,
    SetNull,
    SetDefault,
    Restrict,
    NoAction,
}

/// A foreign key within the schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) target: String,
    pub(super) target_columns: Vec<String>,
    pub(super) on_delete: OnDelete,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) rule: String,
}

/// An index that is not that of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) is_unique: bool,
    pub(super) keys: Vec<IndexKey>,
    /// Of a partial index.
    pub(super) predicate: Option<String>,
}

/// A column or an expression.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct IndexKey {
    pub(super) column: Option<String>,
    pub(super) expression: Option<String>,
}
