//! Whose rights on an older table go on, and whose end.

use super::found::{Relation, Right};
use super::statements;

/// What was held, the owner's own rights included.
pub(super) fn with_owner(relation: &Relation) -> Vec<Right> {
    let mut rights = relation.rights.clone();
    if !relation.owner_is_superuser && relation.owner != "ops_owner" {
        rights.extend(statements::KEPT_RIGHTS.map(|privilege| Right {
            grantee: relation.owner.clone(),
            privilege: privilege.to_owned(),
            ..Right::default()
        }));
    }
    rights
}

/// Rights that do not go on, in words.
pub(super) fn ending(rights: &[Right]) -> Vec<String> {
    let mut ending = Vec::new();
    for right in rights {
        let column = right.column.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
        if statements::is_kept(right) {
            if right.grantable {
                ending
                    .push(format!("{}{column} of {} may not be granted on", right.privilege, right.grantee));
            }
        } else {
            ending.push(format!("{}{column} of {}", right.privilege, right.grantee));
        }
    }
    ending
}

/// Views on a table, in words.
pub(super) fn readers(relation: &Relation) -> Option<String> {
    let views: Vec<String> = relation
        .read_by
        .iter()
        .map(|reader| {
            let past = if reader.owner_is_superuser { ", past row level security" } else { "" };
            format!("{} (of {}{past})", reader.view, reader.owner)
        })
        .collect();
    (!views.is_empty()).then(|| format!("these views go on reading it: {}", views.join(", ")))
}
