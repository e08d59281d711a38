//! Calls as a Supabase user: `authenticated`, with a role in the project `acme`.

use tokio_postgres::types::FromSqlOwned;
use uuid::Uuid;

use super::scene::{Parameters, Scene, run};
use crate::support::postgres_roles::{PostgRest, Request};

/// A user, connected as PostgREST connects.
pub(crate) struct Member {
    postgrest: PostgRest,
    pub(crate) user: Uuid,
}

impl Member {
    /// A user with this role in `acme`; none: a stranger.
    pub(crate) async fn new(scene: &Scene, role: Option<&str>) -> Self {
        let user = Uuid::new_v4();
        if let Some(role) = role {
            run(&scene.operator, "select ops.put_member('acme', $1, $2)", &[&user, &role]).await;
        }
        Self { postgrest: scene.database.postgrest().await, user }
    }

    /// A statement in a request of its own, committed: its first value, or the SQLSTATE.
    pub(crate) async fn value<T: FromSqlOwned>(
        &mut self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<T, String> {
        let transaction = self.postgrest.request(Request::User(self.user)).await;
        match transaction.query_one(sql, parameters).await {
            Ok(row) => {
                transaction.commit().await.expect("commit");
                Ok(row.get(0))
            }
            Err(error) => Err(error.code().unwrap_or_else(|| panic!("{sql}: {error:?}")).code().to_owned()),
        }
    }

    /// As [`value`](Self::value), without looking at the value.
    pub(crate) async fn attempt(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<(), String> {
        let sql = format!("with called as ({sql}) select count(*) from called");
        self.value::<i64>(&sql, parameters).await.map(|_count| ())
    }
}

/// Tries the statement as a stranger, viewer, developer, admin and owner of `acme`; gives what each got.
pub(crate) async fn try_as_each_role(
    scene: &Scene,
    sql: &str,
    parameters: Parameters<'_>,
) -> Vec<Result<(), String>> {
    let mut results = Vec::new();
    for role in [None, Some("viewer"), Some("developer"), Some("admin"), Some("owner")] {
        let mut member = Member::new(scene, role).await;
        results.push(member.attempt(sql, parameters).await);
    }
    results
}

/// What [`try_as_each_role`] gives when a developer is the least who may.
pub(crate) fn from_developer_on() -> Vec<Result<(), String>> {
    vec![Err("OP001".to_owned()), Err("OP007".to_owned()), Ok(()), Ok(()), Ok(())]
}

/// What [`try_as_each_role`] gives when an admin is the least who may.
pub(crate) fn from_admin_on() -> Vec<Result<(), String>> {
    vec![Err("OP001".to_owned()), Err("OP007".to_owned()), Err("OP007".to_owned()), Ok(()), Ok(())]
}

/// What [`try_as_each_role`] gives when every member may.
pub(crate) fn every_member() -> Vec<Result<(), String>> {
    vec![Err("OP001".to_owned()), Ok(()), Ok(()), Ok(()), Ok(())]
}
