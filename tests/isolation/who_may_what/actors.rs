//! Everybody who can ask something of the database, each logged in as PostgREST or the program does it.

use std::fmt;

use tokio_postgres::{Client, SimpleQueryMessage};
use url::Url;
use uuid::Uuid;

use crate::support::postgres::connect;
use crate::support::postgres_roles::{Login, PASSWORD};

/// The roles within a project, the least first.
pub(super) const MEMBER_ROLES: [&str; 4] = ["viewer", "developer", "admin", "owner"];

/// The two projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Project {
    A,
    B,
}

impl Project {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::A => "alpha",
            Self::B => "beta",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// A user with this role (an index of [`MEMBER_ROLES`]) in this project, in no other.
    Member(Project, usize),
    /// A user in no project.
    Stranger,
    Anon,
    Reader,
    Worker,
    Operator,
    Service,
}

impl Who {
    pub(super) fn all() -> Vec<Self> {
        let members = Project::BOTH
            .into_iter()
            .flat_map(|project| (0..MEMBER_ROLES.len()).map(move |role| Self::Member(project, role)));
        members
            .chain([Self::Stranger, Self::Anon, Self::Reader, Self::Worker, Self::Operator, Self::Service])
            .collect()
    }

    /// The database role in whose name the statements run.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Member(..) | Self::Stranger => "authenticated",
            Self::Anon => "anon",
            Self::Reader => "ops_reader",
            Self::Worker => "ops_worker",
            Self::Operator => "ops_operator",
            Self::Service => "service_role",
        }
    }

    /// The user's id, the same in every database.
    pub(super) fn user(self) -> Option<Uuid> {
        let number = match self {
            Self::Member(project, role) => 1 + u128::from(project == Project::B) * 10 + role as u128,
            Self::Stranger => 99,
            Self::Anon | Self::Reader | Self::Worker | Self::Operator | Self::Service => return None,
        };
        Some(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + number))
    }

    fn login(self) -> Login {
        match self {
            Self::Reader => Login::Reader,
            Self::Worker => Login::Worker,
            Self::Operator => Login::Operator,
            Self::Member(..) | Self::Stranger | Self::Anon | Self::Service => Login::Authenticator,
        }
    }

    /// What PostgREST says at the start of a request; two statements for everybody.
    fn preamble(self) -> String {
        if self.login() != Login::Authenticator {
            return "select 1; select 1".to_owned();
        }
        let mut claims = serde_json::json!({ "role": self.role() });
        if let Some(user) = self.user() {
            claims["sub"] = user.to_string().into();
        }
        let role = self.role();
        format!("set local role {role}; select set_config('request.jwt.claims', '{claims}', true)")
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(project, role) => write!(f, "{} of {}", MEMBER_ROLES[*role], project.slug()),
            Self::Stranger => f.write_str("a user in no project"),
            _ => f.write_str(self.role()),
        }
    }
}

/// What a statement gave: the first column of its rows, or a SQLSTATE.
pub(super) type Answer = Result<Vec<Option<String>>, String>;

/// Somebody's connection.
pub(super) struct Actor {
    pub(super) who: Who,
    client: Client,
}

impl Actor {
    /// Logs in on the database of this superuser's URL.
    pub(super) async fn log_in(who: Who, superuser_url: &Url) -> Self {
        let mut url = superuser_url.clone();
        url.set_username(who.login().name()).expect("a URL with a host");
        url.set_password(Some(PASSWORD)).expect("a URL with a host");
        Self { who, client: connect(&url).await }
    }

    /// Tries a statement in a transaction of its own, which is rolled back.
    pub(super) async fn attempt(&self, sql: &str) -> Answer {
        let script = format!("begin; {}; {sql}; rollback", self.who.preamble());
        match self.client.simple_query(&script).await {
            Ok(messages) => Ok(rows_of_statement(&messages, 3)),
            Err(error) => {
                let code = error.code().unwrap_or_else(|| panic!("{}: {sql}: {error:?}", self.who)).clone();
                self.client.batch_execute("rollback").await.expect("rollback");
                Err(code.code().to_owned())
            }
        }
    }
}

/// The first column of the rows of the statement with this number, counted from 0.
fn rows_of_statement(messages: &[SimpleQueryMessage], number: usize) -> Vec<Option<String>> {
    let mut statement = 0;
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::CommandComplete(_) => statement += 1,
            SimpleQueryMessage::Row(row) if statement == number => {
                rows.push((!row.is_empty()).then(|| row.get(0)).flatten().map(str::to_owned));
            }
            _ => {}
        }
    }
    rows
}
