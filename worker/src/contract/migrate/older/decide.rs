//! From what was found to what is done with it. Pure: nothing is asked and nothing is done here.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Found, Function, Relation, Right};
use super::generation::{self, Generation};
use super::names::Names;
use super::rights::{ending, readers, with_owner};
use super::{Fate, Plan, Record, State, advice, bodies, compatibility};

/// Where moved objects go on.
pub(super) const OLDER_SCHEMA: &str = "ops_older";

/// The plan for a database.
pub(super) fn decide(found: &Found, names: &Names) -> Plan {
    let mut plan = Plan {
        state: State::Empty,
        generations: Vec::new(),
        objects: found.recorded.clone(),
        notes: Vec::new(),
        problems: Vec::new(),
    };
    if found.migrated {
        plan.state = if found.recorded.is_empty() { State::Migrated } else { State::MigratedOver };
        plan.generations = generations(plan.objects.iter().filter_map(|object| object.generation));
        return plan;
    }
    let mut work = Work { found, names, plan, becomes: BTreeMap::new() };
    work.schema();
    work.relations();
    work.types();
    work.functions();
    work.finish()
}

struct Work<'a> {
    found: &'a Found,
    names: &'a Names,
    plan: Plan,
    /// Agent table → the older table that becomes it.
    becomes: BTreeMap<&'static str, String>,
}

impl Work<'_> {
    fn schema(&mut self) {
        let Some(schema) = &self.found.schema else { return };
        if schema.owner == "ops_owner" {
            return;
        }
        let mut lost: Vec<String> = Vec::new();
        for right in &schema.rights {
            if right.privilege == "CREATE" || matches!(right.grantee.as_str(), "PUBLIC" | "anon") {
                lost.push(format!("{} of {}", right.privilege, right.grantee));
            }
        }
        let mut rights = schema.rights.clone();
        // An owner has no entry of its own.
        if !schema.owner_is_superuser {
            rights.push(Right {
                grantee: schema.owner.clone(),
                privilege: "USAGE".into(),
                ..Right::default()
            });
        }
        let mut note = format!("its owner {} may go on using it, and make nothing in it", schema.owner);
        if !lost.is_empty() {
            note.push_str(&format!("; these rights end: {}", lost.join(", ")));
        }
        self.push(Record {
            fate: Fate::Adopted,
            note: Some(note),
            rights,
            ..record("schema", "ops", Some("ops".to_owned()))
        });
    }

    fn relations(&mut self) {
        let new: Vec<&Relation> = self.found.relations.iter().filter(|r| !self.is_recorded(r)).collect();
        // Who becomes an agent table is settled first: it frees names, and needs some.
        let mut adopted = BTreeSet::new();
        for relation in &new {
            let Some(generation) = generation::of(relation) else { continue };
            let Some(target) = generation::agent_table(relation, generation) else { continue };
            match self.becomes.get(target) {
                Some(other) => self.plan.problems.push(format!(
                    "table ops.{} and table ops.{other} would both become ops.{target}: move one of them to \
                     another schema",
                    relation.name
                )),
                None => {
                    self.becomes.insert(target, relation.name.clone());
                    adopted.insert(relation.name.clone());
                }
            }
        }
        for relation in new {
            if adopted.contains(&relation.name) {
                self.adopt(relation);
            } else {
                self.move_or_keep(relation);
            }
        }
    }

    fn adopt(&mut self, relation: &Relation) {
        let generation = generation::of(relation);
        let target = generation.and_then(|generation| generation::agent_table(relation, generation));
        let Some(target) = target else { return };
        if !relation.plain || relation.of_extension {
            self.plan.problems.push(format!(
                "table ops.{} would become ops.{target}, but it is a partition, has parents or heirs, or belongs to \
                 an extension: make an ordinary table of it",
                relation.name
            ));
        }
        for trigger in relation.triggers.iter().filter(|trigger| !trigger.trusted) {
            self.plan.problems.push(format!(
                "trigger {} on table ops.{} calls {} of role {}, which would run on everybody's rows: drop the \
                 trigger, or give the function to a superuser or a member of ops_owner",
                trigger.name, relation.name, trigger.function, trigger.function_owner
            ));
        }
        let mut notes = Vec::new();
        let ending = ending(&relation.rights);
        if !ending.is_empty() {
            notes.push(format!("these rights end: {}", ending.join(", ")));
        }
        if !relation.owner_is_superuser && relation.owner != "ops_owner" {
            notes.push(format!("its owner {} keeps select, insert, update and delete", relation.owner));
        }
        notes.extend(readers(relation));
        for trigger in &relation.triggers {
            self.push(Record {
                fate: Fate::Adopted,
                note: Some(format!("calls {}", trigger.function)),
                ..record(
                    "trigger",
                    &format!("{} on ops.{}", trigger.name, relation.name),
                    Some(format!(
                        "{} on ops.{target}",
                        super::statements::renamed(&trigger.name, &relation.name, target)
                    )),
                )
            });
        }
        for policy in &relation.policies {
            self.push(Record {
                fate: Fate::Adopted,
                ..record(
                    "policy",
                    &format!("{policy} on ops.{}", relation.name),
                    Some(format!(
                        "{} on ops.{target}",
                        super::statements::renamed(policy, &relation.name, target)
                    )),
                )
            });
        }
        self.push(Record {
            fate: Fate::Adopted,
            generation,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            rights: with_owner(relation),
            ..record("table", &format!("ops.{}", relation.name), Some(format!("ops.{target}")))
        });
    }

    fn move_or_keep(&mut self, relation: &Relation) {
        let generation = generation::of(relation);
        let kind = kind_of(relation);
        let older = format!("ops.{}", relation.name);
        // An agent table that is to come, or one that is there and that nobody knows.
        let is_agent_name =
            matches!(relation.name.as_str(), "agent_runs" | "agent_events" | "agent_artifacts");
        let needed = self.names.take(&relation.name)
            || self.becomes.contains_key(relation.name.as_str())
            || is_agent_name && generation.is_none();
        let taken = || {
            let indexes = relation.indexes.iter().map(|name| ("index", name));
            let sequences = relation.sequences.iter().map(|name| ("sequence", name));
            indexes.chain(sequences).find(|(_, name)| self.names.take(name))
        };
        if !needed {
            if let Some((kind, name)) = taken() {
                let problem = format!("{kind} ops.{name} of {older} is in the way: rename it");
                self.plan.problems.push(problem);
            }
            self.push(Record {
                fate: Fate::Kept,
                generation,
                rights: relation.rights.clone(),
                ..record(kind, &older, Some(older.clone()))
            });
            return;
        }
        let is_known = generation.is_some() || matches!(relation.kind.as_str(), "v" | "m");
        if !is_known || relation.of_extension {
            self.plan.problems.push(format!(
                "{kind} {older} is in the way, and odooops does not know it: move it to another schema, or rename it"
            ));
            return;
        }
        if let Some(name) = [&relation.name]
            .into_iter()
            .chain(&relation.indexes)
            .chain(&relation.sequences)
            .find(|name| self.found.older_schema.contains(*name))
        {
            self.plan.problems.push(format!(
                "{kind} {older} would be moved to schema {OLDER_SCHEMA}, but there is a {name} already: rename that"
            ));
        }
        self.push(Record {
            fate: Fate::Moved,
            generation,
            note: readers(relation),
            rights: relation.rights.clone(),
            definition: relation.definition.clone(),
            ..record(kind, &older, Some(format!("{OLDER_SCHEMA}.{}", relation.name)))
        });
    }

    fn types(&mut self) {
        for found in &self.found.types {
            let older = format!("ops.{}", found.name);
            if self.plan.objects.iter().any(|o| o.kind == "type" && o.now.as_deref() == Some(&*older)) {
                continue;
            }
            if !self.names.take(&found.name) {
                let kept = record("type", &older, Some(older.clone()));
                self.push(Record { fate: Fate::Kept, ..kept });
                continue;
            }
            if found.of_extension || self.found.older_schema.contains(&found.name) {
                self.plan.problems.push(format!(
                    "type {older} is in the way and cannot be moved to schema {OLDER_SCHEMA}: rename it"
                ));
                continue;
            }
            let now = Some(format!("{OLDER_SCHEMA}.{}", found.name));
            self.push(Record { fate: Fate::Moved, ..record("type", &older, now) });
        }
    }

    fn functions(&mut self) {
        let found = self.found;
        let new: Vec<&Function> = found
            .functions
            .iter()
            .filter(|f| {
                !self
                    .plan
                    .objects
                    .iter()
                    .any(|o| o.kind == "function" && o.now.as_deref() == Some(&*f.identity))
            })
            .collect();
        let older_tables: BTreeSet<&str> = self
            .plan
            .objects
            .iter()
            .filter(|o| o.kind == "table" && o.now.as_ref() != Some(&o.older))
            .filter_map(|o| o.older.strip_prefix("ops."))
            .collect();
        let becomes_ours = |name: &str| self.names.take(name) || older_tables.contains(name);
        // Identity → why it cannot stay.
        let mut going: BTreeMap<&str, String> = BTreeMap::new();
        for function in &new {
            if self.names.take_function(&function.name) {
                going.insert(&function.identity, "its name is one of ours".to_owned());
            } else if let Some(name) = bodies::mention(&function.source, function.searches_ops, becomes_ours)
            {
                going.insert(&function.identity, format!("it names ops.{name}"));
            }
        }
        // What calls a function that is gone cannot work either.
        loop {
            let gone: BTreeSet<&str> = new
                .iter()
                .filter(|f| {
                    going.contains_key(&*f.identity) && compatibility::replacement(&f.identity).is_none()
                })
                .map(|f| f.name.as_str())
                .collect();
            let callers: Vec<(&str, String)> = new
                .iter()
                .filter(|f| !going.contains_key(&*f.identity))
                .filter_map(|f| {
                    let called = bodies::mention(&f.source, f.searches_ops, |name| gone.contains(name))?;
                    Some((f.identity.as_str(), format!("it calls ops.{called}")))
                })
                .collect();
            if callers.is_empty() {
                break;
            }
            going.extend(callers);
        }
        let mut records = Vec::new();
        for function in new {
            let Some(why) = going.get(&*function.identity) else {
                let kept = record("function", &function.identity, Some(function.identity.clone()));
                records.push(Record { fate: Fate::Kept, rights: function.rights.clone(), ..kept });
                continue;
            };
            let theirs: Vec<&str> = function
                .dependents
                .iter()
                .filter(|dependent| {
                    !going.keys().any(|identity| dependent.as_str() == format!("function {identity}"))
                })
                .map(String::as_str)
                .collect();
            if !theirs.is_empty() || function.of_extension {
                let by = if function.of_extension { "its extension".to_owned() } else { theirs.join("; ") };
                self.plan.problems.push(format!(
                    "function {} has to go ({why}), but {by} needs it: change or drop that first",
                    function.identity
                ));
            }
            let replacement = compatibility::replacement(&function.identity);
            let fate = if replacement.is_some() { Fate::Replaced } else { Fate::Dropped };
            records.push(Record {
                fate,
                note: Some(match (replacement, advice::new_call(&function.name)) {
                    (Some(_), _) => {
                        "ours takes its place; ops_operator and service_role may call it".to_owned()
                    }
                    (None, Some(call)) => format!("{why}; {call}"),
                    (None, None) => why.clone(),
                }),
                rights: function.rights.clone(),
                definition: Some(function.definition.clone()),
                ..record("function", &function.identity, replacement.map(|_| function.identity.clone()))
            });
        }
        self.plan.objects.extend(records);
    }

    fn finish(mut self) -> Plan {
        let objects = &self.plan.objects;
        self.plan.generations = generations(objects.iter().filter_map(|object| object.generation));
        if !objects.is_empty() || !self.plan.problems.is_empty() {
            self.plan.state = State::Older;
        }
        let agents = objects.iter().any(|object| object.fate == Fate::Adopted && object.kind == "table");
        self.plan.notes = advice::notes(&self.plan.generations, agents);
        self.plan
    }

    fn is_recorded(&self, relation: &Relation) -> bool {
        let name = format!("ops.{}", relation.name);
        self.found.recorded.iter().any(|o| o.kind == kind_of(relation) && o.now.as_deref() == Some(&*name))
    }

    fn push(&mut self, object: Record) {
        // A call that did not get to its end wrote this down already.
        if !self.plan.objects.iter().any(|o| o.kind == object.kind && o.older == object.older) {
            self.plan.objects.push(object);
        }
    }
}

fn record(kind: &str, older: &str, now: Option<String>) -> Record {
    Record {
        kind: kind.to_owned(),
        older: older.to_owned(),
        fate: Fate::Kept,
        now,
        generation: None,
        note: None,
        rights: Vec::new(),
        definition: None,
        made_at: None,
    }
}

fn kind_of(relation: &Relation) -> &'static str {
    match relation.kind.as_str() {
        "v" => "view",
        "m" => "materialized view",
        "S" => "sequence",
        "f" => "foreign table",
        _ => "table",
    }
}

fn generations(all: impl Iterator<Item = Generation>) -> Vec<Generation> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
