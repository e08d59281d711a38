use super::*;
use crate::contract::migrate::older::found::{Reader, SchemaFound, TriggerFound, TypeFound};

fn names() -> Names {
    compatibility::names_in_the_way().expect("the committed catalogs")
}

fn table(name: &str, columns: &[(&str, &str)]) -> Relation {
    Relation {
        name: name.to_owned(),
        kind: "r".to_owned(),
        owner: "postgres".to_owned(),
        owner_is_superuser: true,
        plain: true,
        columns: columns.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned())).collect(),
        ..Relation::default()
    }
}

fn a1_events() -> Relation {
    table(
        "run_events",
        &[("id", "uuid"), ("event_id", "text"), ("level", "text"), ("message", "text"), ("context", "jsonb")],
    )
}

fn a2_runs() -> Relation {
    table(
        "runs",
        &[
            ("id", "uuid"),
            ("kind", "text"),
            ("spec", "jsonb"),
            ("status", "ops.run_status"),
            ("claimed_by", "uuid"),
            ("heartbeat_at", "timestamp with time zone"),
        ],
    )
}

fn a3_runs() -> Relation {
    table(
        "runs",
        &[("id", "uuid"), ("status", "text"), ("actor", "text"), ("repo", "text"), ("pack_id", "text")],
    )
}

fn a3_artifacts() -> Relation {
    table(
        "artifacts",
        &[("id", "uuid"), ("run_id", "uuid"), ("kind", "text"), ("uri", "text"), ("meta", "jsonb")],
    )
}

fn c_runs() -> Relation {
    table("runs", &[("run_id", "text"), ("project_id", "text"), ("env_id", "text"), ("status", "text")])
}

fn c_agent_events() -> Relation {
    table(
        "agent_events",
        &[("event_id", "text"), ("agent_id", "text"), ("team_id", "text"), ("task_id", "text")],
    )
}

fn renamed(mut relation: Relation, name: &str) -> Relation {
    relation.name = name.to_owned();
    relation
}

fn function(identity: &str, source: &str) -> Function {
    Function {
        name: identity.trim_start_matches("ops.").split('(').next().unwrap_or_default().to_owned(),
        identity: identity.to_owned(),
        source: source.to_owned(),
        definition: format!("create function {identity}"),
        ..Function::default()
    }
}

fn found(relations: Vec<Relation>, functions: Vec<Function>) -> Found {
    Found { relations, functions, ..Found::default() }
}

/// `kind older fate now` of every object.
fn fates(plan: &Plan) -> Vec<String> {
    plan.objects
        .iter()
        .map(|o| format!("{} {} {:?} {}", o.kind, o.older, o.fate, o.now.as_deref().unwrap_or("-")))
        .collect()
}

fn decided(relations: Vec<Relation>, functions: Vec<Function>) -> Plan {
    decide(&found(relations, functions), &names())
}

#[test]
fn each_known_table_has_its_fate() {
    let cases: &[(Relation, &str)] = &[
        (a1_events(), "table ops.run_events Adopted ops.agent_events"),
        (a2_runs(), "table ops.runs Adopted ops.agent_runs"),
        (a3_runs(), "table ops.runs Adopted ops.agent_runs"),
        (a3_artifacts(), "table ops.artifacts Adopted ops.agent_artifacts"),
        (
            table(
                "run_artifacts",
                &[
                    ("run_id", "uuid"),
                    ("kind", "text"),
                    ("uri", "text"),
                    ("sha256", "text"),
                    ("meta", "jsonb"),
                ],
            ),
            "table ops.run_artifacts Adopted ops.agent_artifacts",
        ),
        (c_runs(), "table ops.runs Moved ops_older.runs"),
        (
            table("run_events", &[("event_id", "text"), ("run_id", "text"), ("payload", "jsonb")]),
            "table ops.run_events Moved ops_older.run_events",
        ),
        (
            table("projects", &[("id", "uuid"), ("org_id", "uuid"), ("slug", "text")]),
            "table ops.projects Moved ops_older.projects",
        ),
        (
            table("projects", &[("project_id", "text"), ("repo_slug", "text")]),
            "table ops.projects Moved ops_older.projects",
        ),
        (
            table("artifacts", &[("artifact_id", "text"), ("artifact_type", "text")]),
            "table ops.artifacts Kept ops.artifacts",
        ),
        (
            table("artifacts", &[("build_id", "uuid"), ("storage_path", "text")]),
            "table ops.artifacts Kept ops.artifacts",
        ),
        (c_agent_events(), "table ops.agent_events Kept ops.agent_events"),
        (renamed(a3_runs(), "agent_runs"), "table ops.agent_runs Adopted ops.agent_runs"),
        (table("anything", &[("id", "uuid")]), "table ops.anything Kept ops.anything"),
    ];
    for (relation, fate) in cases {
        let plan = decided(vec![relation.clone()], Vec::new());
        assert_eq!((fates(&plan), plan.problems), (vec![(*fate).to_owned()], Vec::<String>::new()));
    }
}

#[test]
fn an_unknown_table_in_the_way_is_named_and_nothing_is_guessed() {
    for name in ["runs", "workflows", "run_row", "run_events_202611", "agent_runs"] {
        let plan = decided(vec![table(name, &[("id", "bigint"), ("what", "text")])], Vec::new());
        let [problem] = &plan.problems[..] else { panic!("{name}: {:?}", plan.problems) };
        assert!(problem.contains(&format!("ops.{name} ")), "{problem}");
        assert_eq!(plan.state, State::Older);
    }
}

#[test]
fn what_comes_as_agent_events_pushes_the_one_of_c_aside() {
    let plan = decided(vec![c_agent_events(), a1_events()], Vec::new());
    assert_eq!(
        fates(&plan),
        [
            "table ops.agent_events Moved ops_older.agent_events",
            "table ops.run_events Adopted ops.agent_events"
        ]
    );
    assert_eq!(plan.generations, [Generation::A1, Generation::C]);
}

#[test]
fn two_tables_for_one_agent_table_are_a_problem() {
    let plan = decided(vec![a3_runs(), renamed(a3_runs(), "agent_runs")], Vec::new());
    assert!(plan.problems[0].contains("both become ops.agent_runs"), "{:?}", plan.problems);
}

#[test]
fn a_type_of_our_name_is_moved_and_another_one_stays() {
    let types = ["run_status", "mood"].map(|name| TypeFound { name: name.to_owned(), of_extension: false });
    let plan = decide(&Found { types: types.to_vec(), ..Found::default() }, &names());
    assert_eq!(
        fates(&plan),
        ["type ops.run_status Moved ops_older.run_status", "type ops.mood Kept ops.mood"]
    );
}

#[test]
fn each_function_has_its_fate() {
    let cases = [
        ("ops.claim_run(uuid)", "update ops.runs set a = 1", "Replaced ops.claim_run(uuid)"),
        ("ops.fail_run(uuid,text,jsonb)", "update ops.runs", "Replaced ops.fail_run(uuid,text,jsonb)"),
        ("ops.fail_run(text)", "update elsewhere.x", "Dropped -"),
        ("ops.claim_next_run(text)", "select 1 from ops.run_queue", "Dropped -"),
        ("ops.queue_run(text)", "insert into ops.runs values (1)", "Dropped -"),
        ("ops.get_alert_state(text)", "select count(*) from ops.run_events", "Dropped -"),
        ("ops.set_updated_at()", "new.updated_at = now()", "Kept ops.set_updated_at()"),
        ("ops.cap_allow(text)", "select 1 from ops.caps", "Kept ops.cap_allow(text)"),
    ];
    for (identity, source, fate) in cases {
        let plan = decided(Vec::new(), vec![function(identity, source)]);
        assert_eq!(fates(&plan), [format!("function {identity} {fate}")]);
        let gone = plan.objects[0].fate != Fate::Kept;
        assert_eq!(plan.objects[0].definition.is_some(), gone, "{identity}");
    }
}

#[test]
fn what_calls_a_dropped_function_is_dropped_and_what_calls_a_replaced_one_stays() {
    let plan = decided(
        Vec::new(),
        vec![
            function("ops.queue_run(text)", "insert into ops.runs values (1)"),
            function("ops.queue_all()", "select ops.queue_run('a')"),
            function("ops.start_run(uuid)", "update ops.runs"),
            function("ops.start_all()", "select ops.start_run(id) from public.jobs"),
        ],
    );
    assert_eq!(
        fates(&plan),
        [
            "function ops.queue_run(text) Dropped -",
            "function ops.queue_all() Dropped -",
            "function ops.start_run(uuid) Replaced ops.start_run(uuid)",
            "function ops.start_all() Kept ops.start_all()",
        ]
    );
}

#[test]
fn a_function_that_must_go_and_is_needed_is_a_problem() {
    let mut needed = function("ops.claim_next_run(text)", "");
    needed.dependents = vec!["view public.report".to_owned()];
    let plan = decided(Vec::new(), vec![needed]);
    assert!(plan.problems[0].contains("view public.report needs it"), "{:?}", plan.problems);
}

#[test]
fn a_trigger_of_somebody_elses_function_on_an_adopted_table_is_a_problem() {
    let trigger = |trusted| TriggerFound {
        name: "spy".to_owned(),
        function: "public.spy()".to_owned(),
        function_owner: "mallory".to_owned(),
        trusted,
    };
    let with = |trusted| Relation { triggers: vec![trigger(trusted)], ..a3_runs() };
    let plan = decided(vec![with(false)], Vec::new());
    assert!(plan.problems[0].contains("public.spy() of role mallory"), "{:?}", plan.problems);
    let plan = decided(vec![with(true)], Vec::new());
    assert_eq!(plan.problems, Vec::<String>::new());
    assert_eq!(fates(&plan)[0], "trigger spy on ops.runs Adopted spy on ops.agent_runs");
}

#[test]
fn rights_that_end_and_views_that_read_are_said() {
    let right = |grantee: &str, privilege: &str, grantable| Right {
        grantee: grantee.to_owned(),
        privilege: privilege.to_owned(),
        column: None,
        grantable,
    };
    let relation = Relation {
        owner: "alice".to_owned(),
        owner_is_superuser: false,
        rights: vec![
            right("bob", "SELECT", true),
            right("bob", "TRIGGER", false),
            right("anon", "SELECT", false),
            right("carol", "INSERT", false),
        ],
        read_by: vec![Reader {
            view: "public.report".to_owned(),
            owner: "postgres".to_owned(),
            owner_is_superuser: true,
        }],
        ..a3_runs()
    };
    let plan = decided(vec![relation], Vec::new());
    let note = plan.objects[0].note.clone().expect("a note");
    for said in [
        "SELECT of bob may not be granted on",
        "TRIGGER of bob",
        "SELECT of anon",
        "owner alice keeps",
        "public.report (of postgres, past row level security)",
    ] {
        assert!(note.contains(said), "{said}: {note}");
    }
    assert!(!note.contains("carol"), "{note}");
}

#[test]
fn a_schema_of_somebody_else_is_taken_over() {
    let schema = SchemaFound { owner: "alice".to_owned(), ..SchemaFound::default() };
    let plan = decide(&Found { schema: Some(schema), ..Found::default() }, &names());
    assert_eq!(fates(&plan), ["schema ops Adopted ops"]);
    let ours = SchemaFound { owner: "ops_owner".to_owned(), ..SchemaFound::default() };
    let plan = decide(&Found { schema: Some(ours), ..Found::default() }, &names());
    assert_eq!((fates(&plan), plan.state), (Vec::new(), State::Empty));
}

#[test]
fn what_was_done_is_told_and_not_decided_again() {
    let before = decided(vec![a3_runs()], Vec::new());
    let mut done = before.objects.clone();
    for object in &mut done {
        object.made_at = Some(jiff::Timestamp::UNIX_EPOCH);
    }
    // Half-way: room was made, and the first migration did not come through.
    let again = Found { recorded: done.clone(), ..found(vec![renamed(a3_runs(), "agent_runs")], Vec::new()) };
    let plan = decide(&again, &names());
    assert_eq!((&plan.objects, plan.state), (&done, State::Older));
    let migrated = Found { recorded: done.clone(), migrated: true, ..found(vec![c_runs()], Vec::new()) };
    let plan = decide(&migrated, &names());
    assert_eq!((plan.objects, plan.state, plan.problems), (done, State::MigratedOver, Vec::new()));
}
