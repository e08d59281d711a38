//! Foreign keys as the two fields that Prisma wants of each: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::quoted;
use super::is_model;
use super::names::Names;
use crate::contract::diagram::model::{Diagram, ForeignKey, OnDelete, Relation};
use crate::contract::diagram::topics::topics;

/// The relation fields of each table.
pub(super) struct Links {
    fields: BTreeMap<String, Vec<String>>,
    taken: BTreeSet<(String, String)>,
}

impl Links {
    /// Of all foreign keys between models.
    pub(super) fn of(diagram: &Diagram, names: &Names) -> Self {
        let mut links = Self { fields: BTreeMap::new(), taken: BTreeSet::new() };
        for relation in &diagram.relations {
            let inner = Names::within(relation.columns.iter().map(|column| &column.name));
            for column in &relation.columns {
                links.taken.insert((relation.name.clone(), inner.of(&column.name).to_owned()));
            }
        }
        let topics = topics(diagram);
        for relation in topics.iter().flat_map(|topic| &topic.relations).filter(|it| is_model(it)) {
            for key in &relation.foreign_keys {
                let target = diagram.relations.iter().find(|known| known.name == key.target);
                if let Some(target) = target.filter(|target| is_model(target)) {
                    links.add(relation, target, key, names);
                }
            }
        }
        links
    }

    /// The lines for one table.
    pub(super) fn fields_of(&self, table: &str) -> &[String] {
        self.fields.get(table).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, relation: &Relation, target: &Relation, key: &ForeignKey, names: &Names) {
        let own = Names::within(relation.columns.iter().map(|column| &column.name));
        let theirs = Names::within(target.columns.iter().map(|column| &column.name));
        let child = names.of(&relation.name);
        let parent = names.of(&target.name);
        let is_one_of_many = relation.name == target.name
            || relation.foreign_keys.iter().filter(|other| other.target == target.name).count() > 1;
        let forward = match key.columns.as_slice() {
            [only] => match own.of(only).strip_suffix("_id").filter(|_| own.of(only) == only) {
                Some(stem) => stem.to_owned(),
                None => format!("{}_{parent}", own.of(only)),
            },
            _ => parent.to_owned(),
        };
        let forward = self.free(&relation.name, forward);
        let back = if is_one_of_many { format!("{child}_by_{forward}") } else { child.to_owned() };
        let back = self.free(&target.name, back);
        let title = if is_one_of_many { format!("{}, ", quoted(&key.name)) } else { String::new() };
        let optional = if relation.is_optional(key) { "?" } else { "" };
        let list = |names: &Names, columns: &[String]| {
            columns.iter().map(|column| names.of(column)).collect::<Vec<_>>().join(", ")
        };
        let there = format!(
            "{forward} {parent}{optional} @relation({title}fields: [{}], references: [{}], onDelete: {}, \
             onUpdate: NoAction, map: {})",
            list(&own, &key.columns),
            list(&theirs, &key.target_columns),
            on_delete(key.on_delete),
            quoted(&key.name),
        );
        let number = if relation.is_unique(&key.columns) { "?" } else { "[]" };
        let title = title.strip_suffix(", ").map(|title| format!(" @relation({title})")).unwrap_or_default();
        self.fields.entry(relation.name.clone()).or_default().push(there);
        self.fields.entry(target.name.clone()).or_default().push(format!("{back} {child}{number}{title}"));
    }

    fn free(&mut self, table: &str, mut name: String) -> String {
        while !self.taken.insert((table.to_owned(), name.clone())) {
            name.push('_');
        }
        name
    }
}

fn on_delete(action: OnDelete) -> &'static str {
    match action {
        OnDelete::Cascade => "Cascade",
        OnDelete::SetNull => "SetNull",
        OnDelete::SetDefault => "SetDefault",
        OnDelete::Restrict => "Restrict",
        OnDelete::NoAction => "NoAction",
    }
}
