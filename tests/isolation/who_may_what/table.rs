//! The table for people: lines with one outcome are one row.

use std::fmt::Write as _;

use super::actors::{MEMBER_ROLES, Project, Who};
use super::calls::CALLS;
use super::outcome::{Line, Outcome};
use super::stage::Stage;

/// Everything that the document says.
pub(super) struct Table {
    relations: Vec<Line>,
    functions: Vec<Line>,
    insert: Line,
}

impl Stage {
    /// Tries everything as everybody.
    pub(super) async fn table(&self) -> Table {
        let everybody = Who::all();
        let mut relations = Vec::new();
        for relation in self.relations().await {
            relations.push(self.reading(&relation, &everybody).await);
        }
        let mut functions = Vec::new();
        for (line, _) in CALLS {
            functions.push(self.calling(line, &everybody).await);
        }
        Table { relations, functions, insert: self.inserting(&everybody).await }
    }
}

impl Table {
    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        let others = "`ops_reader` | `ops_worker` | `ops_operator` | `service_role`";
        write!(
            text,
            "| rows of | {} | in no project | `anon` | {others} |\n|---|{}\n",
            MEMBER_ROLES.join(" | "),
            "---|".repeat(10)
        )
        .expect("text");
        let seen = self.relations.iter().map(|line| (line.name.clone(), reading_cells(line)));
        push_rows(&mut text, seen.collect());
        write!(
            text,
            "\n| call of | {} | of another project | in no project | `anon` | {others} |\n|---|{}\n",
            MEMBER_ROLES.join(" | "),
            "---|".repeat(11)
        )
        .expect("text");
        let called = self.functions.iter().chain([&self.insert]);
        push_rows(&mut text, called.map(|line| (line.name.clone(), calling_cells(line))).collect());
        text
    }
}

/// Names with the same cells share a row.
fn push_rows(text: &mut String, lines: Vec<(String, Vec<String>)>) {
    let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (name, cells) in lines {
        match rows.iter_mut().find(|(_, other)| *other == cells) {
            Some((names, _)) => names.push(name),
            None => rows.push((vec![name], cells)),
        }
    }
    for (names, cells) in rows {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        writeln!(text, "| {} | {} |", names.join(", "), cells.join(" | ")).expect("text");
    }
}

/// `put_member to make an owner` → `` `put_member` to make an owner ``.
fn quoted(name: &str) -> String {
    match name.split_once(' ') {
        Some(("insert", _)) | None => format!("`{name}`"),
        Some((function, rest)) => format!("`{function}` {rest}"),
    }
}

fn of(line: &Line, who: Who) -> &Outcome {
    &line.outcomes.iter().find(|(other, _)| *other == who).expect("everybody was asked").1
}

const OTHERS: [Who; 6] = [Who::Stranger, Who::Anon, Who::Reader, Who::Worker, Who::Operator, Who::Service];

fn reading_cells(line: &Line) -> Vec<String> {
    let mut cells = Vec::new();
    for role in 0..MEMBER_ROLES.len() {
        let [a, b] = Project::BOTH.map(|project| &of(line, Who::Member(project, role)).of_a);
        assert_eq!(a, b, "{}: the projects differ", line.name);
        cells.push(a.clone());
    }
    cells.extend(OTHERS.map(|who| of(line, who).of_a.clone()));
    cells
}

fn calling_cells(line: &Line) -> Vec<String> {
    let mut cells = Vec::new();
    let mut elsewhere = Vec::new();
    for (role, name) in MEMBER_ROLES.iter().enumerate() {
        let (a, b) = (of(line, Who::Member(Project::A, role)), of(line, Who::Member(Project::B, role)));
        assert_eq!((&a.of_a, &a.of_b), (&b.of_b, &b.of_a), "{}: the projects differ", line.name);
        cells.push(a.of_a.clone());
        if !elsewhere.contains(&a.of_b) {
            elsewhere.push(a.of_b.clone());
        }
        assert_eq!(elsewhere.len(), 1, "{}: a {name} differs in the other project", line.name);
    }
    cells.extend(elsewhere);
    for who in OTHERS {
        let outcome = of(line, who);
        assert_eq!(outcome.of_a, outcome.of_b, "{}: {who} is treated differently", line.name);
        cells.push(outcome.of_a.clone());
    }
    cells
}
