//! One column as one field: pure.

use super::is_model;
use super::names::Names;
use crate::contract::diagram::model::{Column, ColumnType, Diagram, Relation};
use crate::contract::diagram::text_constant;

/// The line without its newline.
pub(super) fn column_field(
    diagram: &Diagram,
    relation: &Relation,
    column: &Column,
    names: &Names,
    inner: &Names,
) -> String {
    let (base, native) = field_type(&column.column_type, names);
    let many = match (column.column_type.is_array, column.not_null) {
        _ if base.starts_with("Unsupported") && column.not_null => "",
        _ if base.starts_with("Unsupported") => "?",
        (true, _) => "[]",
        (false, true) => "",
        (false, false) => "?",
    };
    let mut parts = vec![inner.of(&column.name).to_owned(), format!("{base}{many}")];
    if is_model(relation) {
        parts.extend(own_key(relation, column));
        parts.extend(default(diagram, column, &base));
    }
    // Prisma leaves the unsupported out by itself and refuses to be told so.
    if column.is_secret && !base.starts_with("Unsupported") {
        parts.push("@ignore".to_owned());
    }
    if inner.of(&column.name) != column.name {
        parts.push(format!("@map({})", quoted(&column.name)));
    }
    parts.extend(native.map(|native| format!("@db.{native}")));
    format!("  {}", parts.join(" "))
}

/// Prisma's type, and the database's where it is not the usual one.
fn field_type(column_type: &ColumnType, names: &Names) -> (String, Option<&'static str>) {
    if column_type.is_enum && column_type.schema.as_deref() == Some("ops") {
        return (names.of(&column_type.name).to_owned(), None);
    }
    let (base, native) = match (column_type.schema.as_deref(), column_type.name.as_str()) {
        (None, "uuid") => ("String", Some("Uuid")),
        (None, "text") => ("String", None),
        (None, "varchar") => ("String", Some("VarChar")),
        (None, "int2") => ("Int", Some("SmallInt")),
        (None, "int4") => ("Int", None),
        (None, "int8") => ("BigInt", None),
        (None, "float8") => ("Float", None),
        (None, "numeric") => ("Decimal", None),
        (None, "bool") => ("Boolean", None),
        (None, "bytea") => ("Bytes", None),
        (None, "jsonb") => ("Json", None),
        (None, "json") => ("Json", Some("Json")),
        (None, "timestamptz") => ("DateTime", Some("Timestamptz(6)")),
        (None, "timestamp") => ("DateTime", Some("Timestamp(6)")),
        (None, "date") => ("DateTime", Some("Date")),
        (schema, name) => {
            let schema = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
            let array = if column_type.is_array { "[]" } else { "" };
            return (format!("Unsupported({})", quoted(&format!("{schema}{name}{array}"))), None);
        }
    };
    (base.to_owned(), native)
}

/// Of a key that is this column alone.
fn own_key(relation: &Relation, column: &Column) -> Option<String> {
    let key = relation.keys.iter().find(|key| key.columns == [column.name.clone()])?;
    let (attribute, suffix) = if key.is_primary { ("@id", "pkey") } else { ("@unique", "key") };
    if super::usual_name(relation, &key.columns, suffix) == key.name {
        return Some(attribute.to_owned());
    }
    Some(format!("{attribute}(map: {})", quoted(&key.name)))
}

fn default(diagram: &Diagram, column: &Column, base: &str) -> Option<String> {
    if column.is_identity {
        return Some("@default(autoincrement())".to_owned());
    }
    let sql = column.default.as_deref()?;
    let constant = text_constant(sql);
    let value = match (base, constant.as_deref()) {
        (_, Some("{}")) if column.column_type.is_array => Some("[]".to_owned()),
        _ if column.column_type.is_array => None,
        ("Boolean", _) => matches!(sql, "true" | "false").then(|| sql.to_owned()),
        ("Int" | "BigInt", _) => sql.parse::<i64>().ok().map(|number| number.to_string()),
        ("String" | "Json", Some(constant)) => Some(quoted(constant)),
        (_, Some(constant)) => diagram
            .values_of(&column.column_type)
            .map(|values| Names::within(values.iter()).of(constant).to_owned()),
        (_, None) => None,
    };
    let value = value.unwrap_or_else(|| format!("dbgenerated({})", quoted(sql)));
    Some(format!("@default({value})"))
}

/// A string literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, schema: Option<&str>, is_array: bool) -> ColumnType {
        ColumnType { name: name.to_owned(), schema: schema.map(str::to_owned), is_enum: false, is_array }
    }

    #[test]
    fn types_that_prisma_lacks_are_unsupported() {
        let names = Names::within([].iter());
        let of = |column_type| field_type(&column_type, &names).0;
        assert_eq!(of(typed("name", None, false)), "Unsupported(\"name\")");
        assert_eq!(of(typed("inet", None, true)), "Unsupported(\"inet[]\")");
        assert_eq!(of(typed("vector", Some("public"), false)), "Unsupported(\"public.vector\")");
        assert_eq!(field_type(&typed("int2", None, true), &names), ("Int".to_owned(), Some("SmallInt")));
    }
}
