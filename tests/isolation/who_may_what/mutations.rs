//! Each policy and each grant is broken once; each time the table must come out different.

use tokio_postgres::Client;

use super::actors::{Project, Who};
use super::calls::{CALLS, function_of};
use super::outcome::Line;
use super::stage::Stage;
use crate::support::postgres::TestDatabase;

/// A change that breaks one rule, how to undo it, and where the table must show it.
#[derive(Debug)]
struct Mutation {
    breaks: String,
    undo: String,
    role: String,
    subject: Subject,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Relation(String),
    Function(String),
    Insert,
}

/// Grants to each role: on the schema, tables, columns and functions.
const GRANTS: &str = "\
    with granted as ( \
      select 'schema' as kind, n.nspname::text as name, 'schema ops' as object, '' as columns, a.* \
      from pg_namespace n cross join lateral aclexplode(n.nspacl) a where n.nspname = 'ops' \
      union all \
      select 'relation', c.relname, 'ops.' || quote_ident(c.relname), '', a.* \
      from pg_class c cross join lateral aclexplode(c.relacl) a \
      where c.relnamespace = 'ops'::regnamespace and c.relkind <> 'S' \
      union all \
      select 'relation', c.relname, 'ops.' || quote_ident(c.relname), ' (' || quote_ident(t.attname) || ')', a.* \
      from pg_class c join pg_attribute t on t.attrelid = c.oid cross join lateral aclexplode(t.attacl) a \
      where c.relnamespace = 'ops'::regnamespace \
      union all \
      select 'function', p.proname, 'function ' || p.oid::regprocedure, '', a.* \
      from pg_proc p cross join lateral aclexplode(p.proacl) a where p.pronamespace = 'ops'::regnamespace \
    ) \
    select g.kind, g.name, g.privilege_type, g.grantee::regrole::text, \
      format('revoke %s%s on %s from %s', g.privilege_type, g.columns, g.object, g.grantee::regrole), \
      format('grant %s%s on %s to %s', g.privilege_type, g.columns, g.object, g.grantee::regrole) \
    from granted g where g.grantee <> 'ops_owner'::regrole order by 5";

/// Policies made narrower (nobody) and, where that is another thing, wider (everybody), role by role.
const POLICIES: &str = "\
    select p.tablename::text, p.cmd, r::text, \
      format('alter policy %I on ops.%I %s (%s)', p.policyname, p.tablename, c.clause, m.expression), \
      format('alter policy %I on ops.%I %s (%s)', p.policyname, p.tablename, c.clause, \
        coalesce(p.qual, p.with_check)) \
    from pg_policies p cross join lateral unnest(p.roles) r \
    cross join lateral (select case when p.cmd = 'INSERT' then 'with check' else 'using' end as clause) c \
    cross join lateral unnest(array['false', 'true']) m (expression) \
    where p.schemaname = 'ops' and coalesce(p.qual, p.with_check) <> m.expression order by 4";

/// Functions given to one who may not call them, of those that somebody may.
const GIFTS: &str = "\
    select p.proname::text, r, format('grant execute on function %s to %s', p.oid::regprocedure, r), \
      format('revoke execute on function %s from %s', p.oid::regprocedure, r) \
    from pg_proc p cross join unnest(array['authenticated', 'ops_reader', 'ops_worker']) r \
    where p.pronamespace = 'ops'::regnamespace and not has_function_privilege(r, p.oid, 'execute') \
      and exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner) order by 3";

async fn mutations(superuser: &Client) -> Vec<Mutation> {
    let mut all = Vec::new();
    for row in superuser.query(GRANTS, &[]).await.expect("grants") {
        let (kind, name): (String, String) = (row.get(0), row.get(1));
        let subject = match (kind.as_str(), row.get::<_, &str>(2)) {
            ("relation", "INSERT") => Subject::Insert,
            ("relation", _) => Subject::Relation(name),
            ("function", _) => Subject::Function(name),
            ("schema", _) => Subject::Function("contract_info".to_owned()),
            other => panic!("a grant of a kind that is not known here: {other:?}"),
        };
        all.push(Mutation { breaks: row.get(4), undo: row.get(5), role: row.get(3), subject });
    }
    for row in superuser.query(POLICIES, &[]).await.expect("policies") {
        let subject = match row.get::<_, &str>(1) {
            "INSERT" => Subject::Insert,
            _ => Subject::Relation(row.get(0)),
        };
        all.push(Mutation { breaks: row.get(3), undo: row.get(4), role: row.get(2), subject });
    }
    for row in superuser.query(GIFTS, &[]).await.expect("functions") {
        let subject = Subject::Function(row.get(0));
        all.push(Mutation { breaks: row.get(2), undo: row.get(3), role: row.get(1), subject });
    }
    all
}

impl Stage {
    /// The part of the table that one subject has, for those who have this role.
    async fn part(&self, subject: &Subject, role: &str) -> Vec<Line> {
        let people: Vec<Who> = Who::all()
            .into_iter()
            .filter(|who| who.role() == role && !matches!(who, Who::Member(Project::B, _)))
            .collect();
        match subject {
            Subject::Relation(relation) => vec![self.reading(relation, &people).await],
            Subject::Insert => vec![self.inserting(&people).await],
            Subject::Function(function) => {
                let mut lines = Vec::new();
                for (line, _) in CALLS.iter().filter(|(line, _)| function_of(line) == function) {
                    lines.push(self.calling(line, &people).await);
                }
                lines
            }
        }
    }
}

#[tokio::test]
async fn no_policy_and_no_grant_can_change_without_the_table_changing() {
    let database = TestDatabase::new().await;
    let stage = Stage::new(&database.url().parse().expect("a URL")).await;
    let mutations = mutations(&stage.superuser).await;
    let policies = mutations.iter().filter(|mutation| mutation.breaks.starts_with("alter policy")).count();
    assert!(policies > 60 && mutations.len() - policies > 350, "{policies} of {}", mutations.len());
    let mut unseen = Vec::new();
    for Mutation { breaks, undo, role, subject } in &mutations {
        let before = stage.part(subject, role).await;
        stage.superuser.batch_execute(breaks).await.unwrap_or_else(|error| panic!("{breaks}: {error:?}"));
        let broken = stage.part(subject, role).await;
        stage.superuser.batch_execute(undo).await.unwrap_or_else(|error| panic!("{undo}: {error:?}"));
        if before == broken {
            unseen.push(breaks);
        } else if std::env::var_os("ODOOOPS_SHOW_MUTATIONS").is_some() {
            println!("{breaks}\n  was {before:?}\n  now {broken:?}");
        }
    }
    assert!(unseen.is_empty(), "of {} changes these do not show:\n{unseen:#?}", mutations.len());
    let drift = odooops::contract::migrate::check(&database.superuser_settings()).await.expect("check");
    assert_eq!(drift, [], "every change was undone");
}
