//! `odooops migrate --plan`: what is there already and what becomes of it, before anything happens.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::contract::DatabaseSettings;
use crate::contract::migrate::{self, Fate, Plan, Record, State};

pub(super) async fn execute(settings: &DatabaseSettings, output: &mut Output) -> anyhow::Result<Exit> {
    let plan = migrate::plan(settings).await?;
    output.answer(&plan, |_| text(&plan))?;
    Ok(if plan.problems.is_empty() { Exit::Done } else { Exit::RunFailed })
}

fn text(plan: &Plan) -> String {
    let mut parts = vec![match plan.state {
        State::Empty => "schema ops is empty: odooops migrate installs, and nothing is in its way".to_owned(),
        State::Older => found(plan),
        State::Migrated => "the database is migrated, and nothing older was there".to_owned(),
        State::MigratedOver => format!("done already: {}", found(plan)),
    }];
    for (fate, title) in [
        (Fate::Adopted, "goes on under ops_owner"),
        (Fate::Moved, "goes on in schema ops_older, with rows, keys and rights"),
        (Fate::Replaced, "is replaced by ours, same call"),
        (Fate::Dropped, "is dropped (its definition stays in ops.older_objects)"),
        (Fate::Kept, "stays as it is"),
    ] {
        let of_fate: Vec<&Record> = plan.objects.iter().filter(|object| object.fate == fate).collect();
        if !of_fate.is_empty() {
            parts.push(format!("{title}:\n{}", lines(&of_fate)));
        }
    }
    for (title, all) in [("to know", &plan.notes), ("cannot be decided; migrate refuses", &plan.problems)] {
        if !all.is_empty() {
            parts.push(format!("{title}:\n  {}", all.join("\n  ")));
        }
    }
    parts.join("\n\n")
}

fn found(plan: &Plan) -> String {
    let generations: Vec<&str> = plan.generations.iter().map(|generation| generation.describe()).collect();
    match generations.as_slice() {
        [] => "schema ops has objects of no generation that odooops knows".to_owned(),
        generations => format!("schema ops has older generations: {}", generations.join(", ")),
    }
}

fn lines(objects: &[&Record]) -> String {
    let line = |object: &&Record| {
        let mut line = format!("  {} {}", object.kind, object.older);
        if let Some(now) = object.now.as_ref().filter(|now| **now != object.older) {
            line.push_str(&format!(" → {now}"));
        }
        if let Some(generation) = object.generation {
            line.push_str(&format!(" ({generation:?})"));
        }
        if let Some(note) = &object.note {
            line.push_str(&format!(": {note}"));
        }
        if let Some(made_at) = object.made_at {
            line.push_str(&format!(" [{made_at:.0}]"));
        }
        line
    };
    objects.iter().map(line).collect::<Vec<_>>().join("\n")
}
