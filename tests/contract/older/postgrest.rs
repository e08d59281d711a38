//! Requests to PostgREST as the SQL that it makes of them.

use serde_json::{Map, Value};
use tokio_postgres::{Error, Transaction};

/// `POST /table` with `Prefer: return=minimal`, which is what supabase-js sends for an insert without `.select()`.
pub(super) async fn insert(request: &Transaction<'_>, table: &str, row: Value) -> Result<(), Error> {
    let row = row.as_object().expect("an object").clone();
    let columns: Vec<String> = row.keys().map(|column| format!("\"{column}\"")).collect();
    let columns = columns.join(", ");
    let types = typed_columns(request, table, &row).await;
    let sql = format!(
        "with source as (
           insert into {table} ({columns})
           select {columns} from json_to_recordset($1::json) as _ ({types}) returning 1)
         select count(*) from source"
    );
    request.query_one(&sql, &[&Value::Array(vec![row.into()])]).await.map(|_| ())
}

async fn typed_columns(request: &Transaction<'_>, table: &str, row: &Map<String, Value>) -> String {
    let mut typed = Vec::new();
    for column in row.keys() {
        let found = request
            .query_opt(
                "select format_type(atttypid, atttypmod) from pg_attribute
                 where attrelid = $1::text::regclass and attname = $2 and not attisdropped",
                &[&table, column],
            )
            .await
            .expect("look for a column");
        // PostgREST refuses what its schema cache does not know.
        let found = found.unwrap_or_else(|| panic!("{table} has no column {column}"));
        typed.push(format!("\"{column}\" {}", found.get::<_, String>(0)));
    }
    typed.join(", ")
}

/// `POST /rpc/function`: the rows or values that it returns. The overload is the one whose parameters have all names
/// given, and whose other parameters have defaults; PostgREST answers with an error unless it is exactly one.
pub(super) async fn rpc(
    request: &Transaction<'_>,
    function: &str,
    arguments: Value,
) -> Result<Vec<Value>, Error> {
    let arguments = arguments.as_object().expect("an object");
    let given: Vec<&str> = arguments.keys().map(String::as_str).collect();
    let candidates = request.query(CANDIDATES, &[&function, &given]).await.expect("look for the function");
    let found: Vec<String> = candidates.iter().map(|row| row.get(0)).collect();
    assert_eq!(found.len(), 1, "{function}({}) could be any of {found:?}", given.join(", "));
    let is_void: bool = candidates[0].get(1);
    let parameters: Vec<(String, String)> = candidates[0]
        .get::<_, Vec<String>>(2)
        .into_iter()
        .zip(candidates[0].get::<_, Vec<String>>(3))
        .collect();
    let of_given: Vec<&(String, String)> =
        parameters.iter().filter(|(name, _)| arguments.contains_key(name)).collect();
    let typed =
        of_given.iter().map(|(name, kind)| format!("\"{name}\" {kind}")).collect::<Vec<_>>().join(", ");
    let call =
        of_given.iter().map(|(name, _)| format!("\"{name}\" := _.\"{name}\"")).collect::<Vec<_>>().join(", ");
    let result = if is_void { "null::jsonb" } else { "to_jsonb(result)" };
    let sql = format!(
        "select {result} from json_to_record($1::json) as _ ({typed}), lateral ops.{function}({call}) result"
    );
    let rows = request.query(&sql, &[&Value::Object(arguments.clone())]).await?;
    Ok(rows.iter().map(|row| row.get::<_, Option<Value>>(0).unwrap_or_default()).collect())
}

const CANDIDATES: &str = "
  select p.oid::regprocedure::text, p.prorettype = 'void'::regtype, i.names, i.types
  from pg_proc p cross join lateral (
    select coalesce(array_agg(p.proargnames[n] order by n), '{}') as names,
      coalesce(array_agg(format_type(p.proargtypes[n - 1], null) order by n), '{}') as types,
      coalesce(array_agg(p.proargnames[n]) filter (where n <= p.pronargs - p.pronargdefaults), '{}') as needed
    from generate_series(1, p.pronargs) n) i
  where p.pronamespace = 'ops'::regnamespace and p.proname = $1
    and $2::text[] <@ i.names and i.needed <@ $2::text[]";
