//! What each of them gets, tried for real: rows of relations, calls of functions, writes.

use std::collections::BTreeSet;

use super::actors::{Actor, Answer, Project, Who};
use super::calls::{CALLS, INSERT, function_of};
use super::stage::{BELONGS_BY, Stage};
use crate::contract::scene::values;

/// A line of the table: one outcome for each of some people, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) outcomes: Vec<(Who, Outcome)>,
}

/// What somebody gets of project alpha, and of beta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) of_a: String,
    pub(super) of_b: String,
}

impl Outcome {
    fn same(text: String) -> Self {
        Self { of_a: text.clone(), of_b: text }
    }
}

impl Stage {
    /// Tables and views, without partitions.
    pub(super) async fn relations(&self) -> Vec<String> {
        let sql = "select relname::text from pg_class where relnamespace = 'ops'::regnamespace \
             and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition order by 1";
        values(&self.superuser, sql, &[]).await
    }

    /// What these people see of a table or view: whose rows, and which columns.
    pub(super) async fn reading(&self, relation: &str, people: &[Who]) -> Line {
        let mut outcomes = Vec::new();
        for who in people {
            outcomes.push((*who, Outcome::same(self.rows_seen(self.actor(*who), relation).await)));
        }
        Line { name: relation.to_owned(), outcomes }
    }

    async fn rows_seen(&self, actor: &Actor, relation: &str) -> String {
        let all = self.columns(relation).await;
        let list = format!(
            "select attname from pg_attribute where attrelid = 'ops.{relation}'::regclass and attnum > 0 \
             and not attisdropped and has_column_privilege(attrelid, attnum, 'select')"
        );
        let readable: BTreeSet<String> =
            actor.attempt(&list).await.map(|rows| rows.into_iter().flatten().collect()).unwrap_or_default();
        if readable.is_empty() {
            return refused(&actor.attempt(&format!("select from ops.{relation} limit 1")).await);
        }
        for column in all.difference(&readable) {
            let sql = format!("select \"{column}\" from ops.{relation} limit 0");
            assert_eq!(actor.attempt(&sql).await, Err("42501".to_owned()), "{} reads {column}", actor.who);
        }
        let by = BELONGS_BY.iter().find(|(name, _)| *name == relation).map_or("1", |(_, column)| column);
        let names: Vec<String> = readable.iter().map(|column| format!("\"{column}\"")).collect();
        let sql = format!("select {by}::text from (select {} from ops.{relation}) rows", names.join(", "));
        let rows = match actor.attempt(&sql).await {
            Ok(rows) => rows,
            Err(code) => return code,
        };
        let whose: BTreeSet<Option<Project>> =
            rows.iter().map(|name| name.as_deref().and_then(|name| self.owner_of(name))).collect();
        let seen = match (by, actor.who) {
            (_, _) if whose.is_empty() => "no row",
            ("1", _) => "all",
            (_, Who::Member(own, _)) if !whose.contains(&Some(own.other())) => {
                match (whose.contains(&Some(own)), whose.contains(&None)) {
                    (true, true) => "own, built in",
                    (true, false) => "own",
                    (false, _) => "built in",
                }
            }
            (_, _) if whose.contains(&Some(Project::A)) && whose.contains(&Some(Project::B)) => "all",
            (_, _) if whose == BTreeSet::from([None]) => "built in",
            (_, _) => "others' rows",
        };
        match readable.len() {
            count if count == all.len() => seen.to_owned(),
            count => format!("{seen} ({count} of {} columns)", all.len()),
        }
    }

    async fn columns(&self, relation: &str) -> BTreeSet<String> {
        let sql = "select attname::text from pg_attribute where attrelid = ('ops.' || $1)::regclass \
             and attnum > 0 and not attisdropped";
        values(&self.superuser, sql, &[&relation]).await.into_iter().collect()
    }

    /// What these people get from a call of [`CALLS`], about either project.
    pub(super) async fn calling(&self, line: &str, people: &[Who]) -> Line {
        let (_, call) = CALLS.iter().find(|(name, _)| *name == line).expect("a line of CALLS");
        let outcomes = self.about_each_project(call, people).await;
        Line { name: line.to_owned(), outcomes }
    }

    /// What these people get when they queue a run by a plain INSERT.
    pub(super) async fn inserting(&self, people: &[Who]) -> Line {
        let outcomes = self.about_each_project(INSERT, people).await;
        Line { name: "insert into runs".to_owned(), outcomes }
    }

    async fn about_each_project(&self, template: &str, people: &[Who]) -> Vec<(Who, Outcome)> {
        let mut outcomes = Vec::new();
        for who in people {
            let actor = self.actor(*who);
            let of_a = verdict(&actor.attempt(&self.fill(template, Project::A)).await);
            let of_b = verdict(&actor.attempt(&self.fill(template, Project::B)).await);
            outcomes.push((*who, Outcome { of_a, of_b }));
        }
        outcomes
    }

    /// Every other way to write, which is nobody's: UPDATE, DELETE, TRUNCATE, INSERT elsewhere, sequences,
    /// partitions, and the functions that only functions call. Gives those that were not refused.
    pub(super) async fn writes_that_came_through(&self) -> Vec<String> {
        let forbidden = "select format(t, c.oid::regclass) from pg_class c cross join lateral unnest(case \
               when c.relkind = 'S' then array['select nextval(''%1$s'')', 'select last_value from %1$s'] \
               when c.relispartition then array['select from %1$s', 'delete from %1$s', 'truncate %1$s'] \
               when c.relname = 'runs' then array['delete from %1$s', 'truncate %1$s', 'lock table %1$s'] \
               when c.relkind = 'v' then '{}' \
               else array['insert into %1$s default values', 'delete from %1$s', 'truncate %1$s'] end) t \
             where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') \
             union all select format('update ops.%I set %I = default', c.relname, a.attname) \
             from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
             where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
             union all select format('select ops.%I(%s)', p.proname, (select string_agg('null::' || \
                 format_type(t, null), ', ' order by n) from unnest(p.proargtypes) with ordinality a (t, n))) \
             from pg_proc p where p.pronamespace = 'ops'::regnamespace and p.prorettype <> 'trigger'::regtype \
               and not exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner) order by 1";
        let forbidden: Vec<String> = values(&self.superuser, forbidden, &[]).await;
        assert!(forbidden.len() > 200, "{forbidden:?}");
        let mut through = Vec::new();
        // The four roles of the second project differ from those of the first in nothing that is asked here.
        for actor in self.actors.iter().filter(|actor| !matches!(actor.who, Who::Member(Project::B, _))) {
            for sql in &forbidden {
                let answer = actor.attempt(sql).await;
                if answer != Err("42501".to_owned()) {
                    through.push(format!("{}: {sql}: {answer:?}", actor.who));
                }
            }
        }
        through
    }

    /// Functions that somebody besides the owner may execute.
    pub(super) async fn granted_functions(&self) -> BTreeSet<String> {
        let sql = "select distinct p.proname::text from pg_proc p cross join lateral aclexplode(p.proacl) a \
             where p.pronamespace = 'ops'::regnamespace and a.grantee <> p.proowner";
        values(&self.superuser, sql, &[]).await.into_iter().collect()
    }
}

/// The functions that [`CALLS`] tries.
pub(super) fn tried_functions() -> BTreeSet<String> {
    CALLS.iter().map(|(line, _)| function_of(line).to_owned()).collect()
}

fn refused(answer: &Answer) -> String {
    match answer {
        Ok(rows) => format!("{} rows without a column", rows.len()),
        Err(code) => code.clone(),
    }
}

fn verdict(answer: &Answer) -> String {
    match answer {
        Ok(rows) if rows.is_empty() => "no row".to_owned(),
        Ok(_) => "yes".to_owned(),
        Err(code) => code.clone(),
    }
}
