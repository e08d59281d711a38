//! Reading rows by column name; what cannot be read is an error that names the column.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::ContractError;
use super::error::{Refusal, describe};

/// The value of a column.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, ContractError> {
    row.try_get(column).map_err(|error| {
        ContractError::Database(Refusal::unreadable(format!(
            "column {column} is not as this version of odooops expects: {}",
            describe(&error)
        )))
    })
}

/// A word out of a closed set.
pub(crate) fn word<T>(row: &Row, column: &str) -> Result<T, ContractError>
where
    T: std::str::FromStr<Err = ContractError>,
{
    get::<&str>(row, column)?.parse()
}

/// A word out of a closed set, or NULL.
pub(crate) fn optional_word<T>(row: &Row, column: &str) -> Result<Option<T>, ContractError>
where
    T: std::str::FromStr<Err = ContractError>,
{
    get::<Option<&str>>(row, column)?.map(str::parse).transpose()
}

/// A jsonb column as one of our types.
pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, ContractError> {
    let value: serde_json::Value = get(row, column)?;
    serde_json::from_value(value).map_err(|error| {
        ContractError::Database(Refusal::unreadable(format!(
            "column {column} is not as this version of odooops expects: {error}"
        )))
    })
}

/// The only row of an answer that has exactly one.
pub(crate) fn only(rows: Vec<Row>) -> Result<Row, ContractError> {
    rows.into_iter().next().ok_or_else(|| {
        ContractError::Database(Refusal::unreadable("an answer with one row was expected and none came"))
    })
}

/// One of our types as a jsonb value.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<serde_json::Value, ContractError> {
    serde_json::to_value(value)
        .map_err(|error| ContractError::Database(Refusal::unreadable(format!("cannot be sent: {error}"))))
}
