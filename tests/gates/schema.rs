//! `scripts/validate_schema.sh`.

use super::copy::{Copy, explains_itself};

const SCRIPT: &str = "scripts/validate_schema.sh";
const PROGRAM: &[&str] = &["--binary", env!("CARGO_BIN_EXE_odooops")];

#[tokio::test]
async fn the_diagrams_are_those_of_a_migrated_database() {
    explains_itself(SCRIPT).await;
    let passed = Copy::new().run(SCRIPT, PROGRAM).await;
    assert_eq!(passed.code, 0, "{passed:?}");
}

#[tokio::test]
async fn a_changed_diagram_is_found() {
    let copy = Copy::new();
    for (file, old, new) in [
        ("dbml/ops.dbml", "run_number bigint", "run_number int"),
        ("erd/ops.mmd", "text[] required_labels", "text required_labels"),
        ("dbml/schema.prisma", "run_number BigInt", "run_number Int"),
    ] {
        copy.replace(file, old, new);
    }
    let found = copy.run(SCRIPT, PROGRAM).await;
    assert_eq!(found.code, 1, "{found:?}");
    for file in ["dbml/ops.dbml", "erd/ops.mmd", "dbml/schema.prisma"] {
        assert!(found.stderr.contains(&format!("{file} is not what")), "{file}: {}", found.stderr);
    }
    let renewed = copy.run(SCRIPT, &[PROGRAM, &["--write"]].concat()).await;
    assert_eq!(renewed.code, 0, "{renewed:?}");
    assert!(copy.text("dbml/ops.dbml").contains("run_number bigint"));
}

#[tokio::test]
async fn a_diagram_that_its_parser_does_not_read_is_found() {
    let copy = Copy::new();
    assert_eq!(copy.run(SCRIPT, &["--parse"]).await.code, 0);
    for (file, old, new, said) in [
        ("dbml/ops.dbml", "Table ops.runs {", "Table ops.runs [[{", "dbml/ops.dbml: line"),
        ("dbml/ops.dbml", "  ops.run_steps\n", "", "run_steps is in no group"),
        ("erd/ops.mmd", "  runs {", "  runs {{", "erd/ops.mmd:"),
        ("erd/ops.mmd", "erDiagram", "flowchart", "erd/ops.mmd:"),
        ("docs/odooops-sh/CICD.md", "flowchart LR", "flowchart XX", "docs/odooops-sh/CICD.md:"),
        ("docs/odooops-sh/RUN_LIFECYCLE.md", "claimed --> running", "claimed --> -->", "RUN_LIFECYCLE.md:"),
    ] {
        let before = copy.text(file);
        copy.replace(file, old, new);
        let found = copy.run(SCRIPT, &["--parse"]).await;
        assert!(found.code == 1 && found.stderr.contains(said), "{file}, {new}: {found:?}");
        copy.write(file, &before);
    }
}

/// The picture is not compared, since it changes with the library that draws it.
#[tokio::test]
async fn the_picture_shows_every_table() {
    let copy = Copy::new();
    let drawn = copy.run("scripts/draw_schema.sh", &["drawn.svg"]).await;
    assert_eq!(drawn.code, 0, "{drawn:?}");
    let dbml = copy.text("dbml/ops.dbml");
    let (_, views) = dbml.split_once("TableGroup views ").expect("the group of the views");
    let views: Vec<&str> = views.lines().skip(1).take_while(|line| *line != "}").map(str::trim).collect();
    let tables = dbml.lines().filter_map(|line| line.strip_prefix("Table ")?.strip_suffix(" {"));
    let tables: Vec<&str> = tables.filter(|table| !views.contains(table)).collect();
    assert!(tables.len() > 15 && views.len() > 3, "{tables:?} {views:?}");
    for file in ["erd/ops.svg", "drawn.svg"] {
        let picture = copy.text(file);
        for table in &tables {
            let title = format!("<title>{}</title>", table.trim_start_matches("ops."));
            assert!(picture.contains(&title), "{file} lacks {table}: call scripts/draw_schema.sh");
        }
    }
}
