//! Who a test logs in as: LOGIN roles that are in one of our roles only, and PostgREST's way in.

use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::postgres::TestDatabase;

/// Password of every login role; the server is there for tests only.
pub(crate) const PASSWORD: &str = "odooops-test";

/// A LOGIN role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// In `ops_worker` only.
    Worker,
    /// Another one in `ops_worker` only.
    OtherWorker,
    /// In `ops_operator` only.
    Operator,
    /// In `ops_reader` only.
    Reader,
    /// In none of our roles.
    Nobody,
    /// NOINHERIT, may become `anon`, `authenticated` and `service_role`.
    Authenticator,
}

impl Login {
    /// Its name on the server.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Worker => "odooops_test_worker",
            Self::OtherWorker => "odooops_test_other_worker",
            Self::Operator => "odooops_test_operator",
            Self::Reader => "odooops_test_reader",
            Self::Nobody => "odooops_test_nobody",
            Self::Authenticator => "odooops_test_authenticator",
        }
    }

    fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Worker | Self::OtherWorker => &["ops_worker"],
            Self::Operator => &["ops_operator"],
            Self::Reader => &["ops_reader"],
            Self::Nobody => &[],
            Self::Authenticator => &["anon", "authenticated", "service_role"],
        }
    }

    const ALL: [Self; 6] =
        [Self::Worker, Self::OtherWorker, Self::Operator, Self::Reader, Self::Nobody, Self::Authenticator];
}

/// Supabase first made `service_role` with NOINHERIT, so it needs every grant in its own name; a test server has it
/// like that, lest what it inherits from `ops_operator` hide that one is missing.
const SERVICE_INHERITS_NOTHING: &str = "do $$ begin
   if current_setting('server_version_num')::int >= 160000 then
     execute 'grant ops_operator to service_role with inherit false';
   end if;
   alter role service_role noinherit;
 end $$";

/// Makes the login roles; the caller holds the server's test lock.
pub(crate) async fn ensure(server: &Client) {
    server.batch_execute(SERVICE_INHERITS_NOTHING).await.expect("service_role inherits nothing");
    for login in Login::ALL {
        let inherit = if login == Login::Authenticator { "noinherit" } else { "inherit" };
        let exists = server
            .query_opt("select from pg_roles where rolname = $1", &[&login.name()])
            .await
            .expect("look for a login role");
        if exists.is_none() {
            server
                .batch_execute(&format!("create role {} login {inherit} password '{PASSWORD}'", login.name()))
                .await
                .expect("make a login role");
        }
        for role in login.roles() {
            let member = server
                .query_one("select pg_has_role($1, $2, 'member')", &[&login.name(), role])
                .await
                .expect("look at a membership");
            if !member.get::<_, bool>(0) {
                server.batch_execute(&format!("grant {role} to {}", login.name())).await.expect("grant");
            }
        }
    }
}

/// A connection as PostgREST has it: `authenticator`, and per request a role and the claims of a token.
pub(crate) struct PostgRest {
    client: Client,
}

/// The role that PostgREST takes for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Without a token.
    Anon,
    /// With a user's token.
    User(Uuid),
    /// With the server's key.
    Service,
}

impl TestDatabase {
    /// Connects as PostgREST does.
    pub(crate) async fn postgrest(&self) -> PostgRest {
        PostgRest { client: self.login(Login::Authenticator).await }
    }
}

impl PostgRest {
    /// A transaction with role and claims set as PostgREST sets them; commit it, or it is rolled back.
    pub(crate) async fn request(&mut self, request: Request) -> Transaction<'_> {
        let (role, claims) = match request {
            Request::Anon => ("anon", serde_json::json!({ "role": "anon" })),
            Request::User(user) => {
                ("authenticated", serde_json::json!({ "role": "authenticated", "sub": user }))
            }
            Request::Service => ("service_role", serde_json::json!({ "role": "service_role" })),
        };
        let transaction = self.client.transaction().await.expect("begin");
        transaction.batch_execute(&format!("set local role {role}")).await.expect("set the role");
        transaction
            .execute("select set_config('request.jwt.claims', $1, true)", &[&claims.to_string()])
            .await
            .expect("set the claims");
        transaction
    }
}
