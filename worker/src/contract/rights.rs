//! Does a worker's login have more rights than a worker needs?

use tokio_postgres::types::Type;

use super::row::get;
use super::{Contract, ContractError};

/// Roles that a worker's login must not be in.
const TOO_MUCH: [&str; 5] = ["ops_owner", "ops_operator", "ops_reader", "authenticated", "service_role"];

impl Contract {
    /// What the login role has beyond `ops_worker`, in words; empty is as it should be.
    ///
    /// # Errors
    /// [`ContractError::Unreachable`].
    pub async fn rights_beyond_worker(&self) -> Result<Vec<String>, ContractError> {
        let superuser =
            self.row("select rolsuper from pg_catalog.pg_roles where rolname = current_user", &[]).await?;
        if get(&superuser, "rolsuper")? {
            return Ok(vec!["it is a superuser".to_owned()]);
        }
        let roles = TOO_MUCH.as_slice();
        let rows = self
            .rows(
                "select 'it is in ' || r.rolname as excess from pg_catalog.pg_roles r \
                 where r.rolname = any ($1) and pg_has_role(current_user, r.oid, 'member') \
                 union all \
                 select 'it has rights on the table ' || c.relname from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where n.nspname = 'ops' and c.relkind in ('r', 'p', 'v') \
                 and has_table_privilege(c.oid, 'select, insert, update, delete, truncate') \
                 order by 1",
                &[(&roles, Type::TEXT_ARRAY)],
            )
            .await?;
        rows.iter().map(|row| get(row, "excess")).collect()
    }
}
