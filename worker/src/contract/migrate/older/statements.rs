//! The SQL of a plan, in the order in which it is run. Pure; every name is quoted, and nothing in a body, a policy or
//! a default is ever rewritten: Postgres itself keeps those that name a table by its identity.

use std::collections::BTreeSet;

use super::decide::OLDER_SCHEMA;
use super::found::{Found, Relation, Right};
use super::{Fate, Plan, Record};

/// What others than the owner may do with an agent table.
pub(super) const KEPT_RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// Whether a right on an adopted table goes on.
pub(super) fn is_kept(right: &Right) -> bool {
    KEPT_RIGHTS.contains(&right.privilege.as_str()) && !is_everybody(&right.grantee)
}

fn is_everybody(grantee: &str) -> bool {
    matches!(grantee, "PUBLIC" | "anon")
}

/// Columns that one of the generations has; the others get them, so that every older call finds its own.
fn columns_of(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "agent_runs" => &[
            ("actor", "text"),
            ("repo", "text"),
            ("ref", "text"),
            ("pack_id", "text"),
            ("input", "jsonb not null default '{}'"),
            ("output", "jsonb not null default '{}'"),
            ("kind", "text"),
            ("spec", "jsonb"),
            ("phase", "text"),
            ("priority", "int not null default 100"),
            ("artifact_base_uri", "text"),
            ("idempotency_key", "text"),
            ("timeout_seconds", "int not null default 3600"),
            ("retry_count", "int not null default 0"),
            ("max_retries", "int not null default 3"),
            ("claimed_by", "uuid"),
            ("claimed_at", "timestamptz"),
            ("heartbeat_at", "timestamptz"),
            ("started_at", "timestamptz"),
            ("finished_at", "timestamptz"),
            ("error_code", "text"),
            ("error_message", "text"),
            ("error_data", "jsonb"),
            ("tags", "jsonb not null default '{}'"),
            ("created_by", "uuid"),
            ("created_at", "timestamptz not null default now()"),
            ("updated_at", "timestamptz not null default now()"),
        ],
        "agent_events" => &[
            ("event_id", "text"),
            ("run_id", "uuid"),
            ("phase", "text"),
            ("data", "jsonb not null default '{}'"),
            ("context", "jsonb not null default '{}'"),
        ],
        "agent_artifacts" => {
            &[("sha256", "text"), ("size_bytes", "bigint"), ("meta", "jsonb not null default '{}'")]
        }
        _ => &[],
    }
}

/// Everything that is to be done; empty when all of it is done.
pub(super) fn statements(plan: &Plan, found: &Found) -> Vec<String> {
    let open: Vec<&Record> = plan.objects.iter().filter(|object| object.made_at.is_none()).collect();
    let mut all = Vec::new();
    for object in open.iter().filter(|object| object.kind == "schema") {
        own_schema(object, &mut all);
    }
    let routines: Vec<&str> = open
        .iter()
        .filter(|o| o.kind == "function" && matches!(o.fate, Fate::Replaced | Fate::Dropped))
        .map(|o| o.older.as_str())
        .collect();
    // In one statement, since some may need each other.
    if !routines.is_empty() {
        all.push(format!("drop routine {}", routines.join(", ")));
    }
    let moved: Vec<&&Record> = open.iter().filter(|object| object.fate == Fate::Moved).collect();
    if !moved.is_empty() {
        make_older_schema(&moved, &mut all);
    }
    for object in moved {
        let name = bare(&object.older);
        let kind = &object.kind;
        all.push(format!("alter {kind} ops.{} set schema {OLDER_SCHEMA}", ident(name)));
    }
    let tables = ["agent_runs", "agent_events", "agent_artifacts"];
    let adopted: Vec<(&str, &Relation)> = tables
        .into_iter()
        .filter_map(|table| {
            let object = open.iter().find(|o| {
                o.kind == "table" && o.fate == Fate::Adopted && o.now.as_deref().map(bare) == Some(table)
            })?;
            let relation = found.relations.iter().find(|relation| relation.name == bare(&object.older))?;
            Some((table, relation))
        })
        .collect();
    for (table, relation) in &adopted {
        rename(relation, table, &mut all);
    }
    let has_runs = plan.objects.iter().any(|o| o.now.as_deref() == Some("ops.agent_runs"));
    for (table, relation) in &adopted {
        own_table(relation, table, has_runs, &mut all);
    }
    let executors =
        found.relations.iter().find(|r| r.name == "executors" && r.columns.contains_key("last_seen_at"));
    if let (Some(executors), false) = (executors, adopted.is_empty()) {
        open_executors(executors, &mut all);
    }
    all
}

fn own_schema(object: &Record, all: &mut Vec<String>) {
    let mut grantees = BTreeSet::new();
    for right in &object.rights {
        if right.privilege == "CREATE" {
            all.push(format!("revoke create on schema ops from {} cascade", role(&right.grantee)));
        }
        if right.privilege == "USAGE" && !is_everybody(&right.grantee) {
            grantees.insert(role(&right.grantee));
        }
    }
    all.push("alter schema ops owner to ops_owner".to_owned());
    for grantee in grantees {
        all.push(format!("grant usage on schema ops to {grantee}"));
    }
}

fn make_older_schema(moved: &[&&Record], all: &mut Vec<String>) {
    // As ops_owner, who may make schemas in this database; the migrating role may not have to.
    all.push("set local role ops_owner".to_owned());
    all.push(format!("create schema if not exists {OLDER_SCHEMA}"));
    all.push("reset role".to_owned());
    all.push(format!("grant usage on schema {OLDER_SCHEMA} to ops_operator, service_role"));
    let grantees: BTreeSet<String> = moved
        .iter()
        .flat_map(|object| &object.rights)
        .filter(|right| !is_everybody(&right.grantee))
        .map(|right| role(&right.grantee))
        .collect();
    for grantee in grantees {
        all.push(format!("grant usage on schema {OLDER_SCHEMA} to {grantee}"));
    }
}

fn rename(relation: &Relation, table: &str, all: &mut Vec<String>) {
    let older = &relation.name;
    if older != table {
        all.push(format!("alter table ops.{} rename to {}", ident(older), ident(table)));
    }
    let mut each = |names: &[String], rename: &dyn Fn(&str, &str) -> String| {
        for name in names {
            let new = renamed(name, older, table);
            if new != *name {
                all.push(rename(&ident(name), &ident(&new)));
            }
        }
    };
    each(&relation.indexes, &|old, new| format!("alter index ops.{old} rename to {new}"));
    each(&relation.constraints, &|old, new| {
        format!("alter table ops.{table} rename constraint {old} to {new}")
    });
    each(&relation.sequences, &|old, new| format!("alter sequence ops.{old} rename to {new}"));
    each(&relation.policies, &|old, new| format!("alter policy {old} on ops.{table} rename to {new}"));
    let triggers: Vec<String> = relation.triggers.iter().map(|trigger| trigger.name.clone()).collect();
    each(&triggers, &|old, new| format!("alter trigger {old} on ops.{table} rename to {new}"));
}

/// `idx_ops_runs_status` of `runs` → `idx_ops_agent_runs_status`.
pub(super) fn renamed(name: &str, older: &str, table: &str) -> String {
    /// Longer names are cut by Postgres.
    const LONGEST: usize = 63;
    if older == table || name.contains(table) {
        return name.to_owned();
    }
    let found = name.match_indices(older).find(|(at, _)| {
        let before = name[..*at].chars().next_back();
        let after = name[at + older.len()..].chars().next();
        before.is_none_or(|c| !c.is_alphanumeric()) && after.is_none_or(|c| !c.is_alphanumeric())
    });
    match found {
        Some((at, _)) if name.len() + table.len() - older.len() <= LONGEST => {
            format!("{}{table}{}", &name[..at], &name[at + older.len()..])
        }
        Some(_) | None => name.to_owned(),
    }
}

fn own_table(relation: &Relation, table: &str, has_runs: bool, all: &mut Vec<String>) {
    let grantees: BTreeSet<String> = relation.rights.iter().map(|right| role(&right.grantee)).collect();
    for grantee in &grantees {
        // Cascade: who was granted on by somebody gets it from the owner below.
        all.push(format!("revoke all on table ops.{table} from {grantee} cascade"));
    }
    for sequence in &relation.sequences {
        let new = ident(&renamed(sequence, &relation.name, table));
        all.push(format!(
            "do $do$ declare v_grantee text; begin
               for v_grantee in
                 select distinct case e.grantee when 0 then 'public' else e.grantee::regrole::text end
                 from pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) e
                 where c.oid = {}::regclass and e.grantee <> c.relowner
               loop
                 execute format('revoke all on sequence %s from %s cascade', {}, v_grantee);
               end loop;
             end $do$",
            literal(&format!("ops.{new}")),
            literal(&format!("ops.{new}")),
        ));
    }
    all.push(format!("alter table ops.{table} owner to ops_owner"));
    for (column, definition) in columns_of(table) {
        if !relation.columns.contains_key(*column) {
            all.push(format!("alter table ops.{table} add column {} {definition}", ident(column)));
        }
    }
    if table == "agent_events" {
        if relation.columns.contains_key("run_id") {
            // Events of deployments and incidents have no run.
            all.push("alter table ops.agent_events alter column run_id drop not null".to_owned());
        } else if has_runs {
            all.push(
                "alter table ops.agent_events add constraint agent_events_run_fkey \
                 foreign key (run_id) references ops.agent_runs (id) on delete cascade"
                    .to_owned(),
            );
            all.push("create index agent_events_run_idx on ops.agent_events (run_id)".to_owned());
        }
    }
    all.push(format!("alter table ops.{table} enable row level security, no force row level security"));
    grant(relation, table, all);
}

fn grant(relation: &Relation, table: &str, all: &mut Vec<String>) {
    all.push(format!("grant select, insert on ops.{table} to ops_operator, service_role"));
    let mut inserting = BTreeSet::from(["ops_operator".to_owned(), "service_role".to_owned()]);
    let mut holders = BTreeSet::new();
    let former_owner =
        (!relation.owner_is_superuser && relation.owner != "ops_owner").then_some(&relation.owner);
    for right in relation.rights.iter().filter(|right| is_kept(right)) {
        let columns = right.column.as_ref().map(|column| format!(" ({})", ident(column))).unwrap_or_default();
        let grantee = role(&right.grantee);
        all.push(format!("grant {}{columns} on ops.{table} to {grantee}", right.privilege.to_lowercase()));
        if right.privilege == "INSERT" {
            inserting.insert(grantee);
        }
        // Who was held back by row level security still is.
        if !relation.row_security {
            holders.insert(role(&right.grantee));
        }
    }
    if let Some(owner) = former_owner {
        all.push(format!("grant select, insert, update, delete on ops.{table} to {}", ident(owner)));
        inserting.insert(ident(owner));
        holders.insert(ident(owner));
    }
    for sequence in &relation.sequences {
        let new = ident(&renamed(sequence, &relation.name, table));
        for grantee in &inserting {
            all.push(format!("grant usage on sequence ops.{new} to {grantee}"));
        }
    }
    all.push(format!(
        "create policy odooops_operators on ops.{table} for all to ops_operator, service_role \
         using (true) with check (true)"
    ));
    if !holders.is_empty() {
        let holders: Vec<String> = holders.into_iter().collect();
        all.push(format!(
            "create policy odooops_older_rights on ops.{table} for all to {} using (true) with check (true)",
            holders.join(", ")
        ));
    }
}

/// `ops.claim_run` looks an executor up and notes that it was heard of.
fn open_executors(executors: &Relation, all: &mut Vec<String>) {
    if executors.owner == "ops_owner" {
        return;
    }
    all.push("grant select, update on ops.executors to ops_owner".to_owned());
    if executors.row_security {
        all.push(
            "create policy odooops_owner on ops.executors for all to ops_owner using (true) with check (true)"
                .to_owned(),
        );
    }
}

fn bare(identity: &str) -> &str {
    identity.split_once('.').map_or(identity, |(_, name)| name)
}

fn role(grantee: &str) -> String {
    if grantee == "PUBLIC" { "public".to_owned() } else { ident(grantee) }
}

fn ident(name: &str) -> String {
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    // Words such as "ref" and "user" need quotes, and quotes never hurt; ours read better without.
    if is_plain && name.contains('_') {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
