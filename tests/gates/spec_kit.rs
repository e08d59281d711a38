//! `scripts/validate_spec_kit_odooops.sh`.

use super::copy::{Copy, explains_itself};

const SCRIPT: &str = "scripts/validate_spec_kit_odooops.sh";
const TASKS: &str = "spec/odooops-sh/tasks.md";

#[tokio::test]
async fn the_specification_is_whole_and_every_tick_has_its_test() {
    explains_itself(SCRIPT).await;
    let passed = Copy::new().run(SCRIPT, &[]).await;
    assert_eq!(passed.code, 0, "{passed:?}");
}

#[tokio::test]
async fn a_broken_specification_is_found() {
    let copy = Copy::new();
    let backed = "tests/contract/reap_lost_runs.rs::the_last_lost_attempt_fails_the_run";
    for (file, old, new, said) in [
        ("spec/odooops-sh/plan.md", "## Risks", "## Dangers", "has no section 'Risks'"),
        ("spec/odooops-sh/plan.md", "| R8, R9 |", "| R8 |", "no phase has the requirement R9"),
        ("spec/odooops-sh/prd.md", "## Users\n", "## Users\n\n## Nobody\n", "the section 'Users' is empty"),
        (TASKS, backed, "tests/contract/reap_lost_runs.rs::it_is_fine", "it_is_fine, which does not exist"),
        (TASKS, backed, "tests/contract/nowhere.rs::a_test", "nowhere.rs::a_test, which does not exist"),
        (TASKS, backed, "tests/contract/scene.rs::claim", "scene.rs::claim, which does not exist"),
        (TASKS, "- [ ] 7.2", "- [x] 7.2", "7.2 is ticked and names no test"),
        (
            TASKS,
            "  - missing: no workflow",
            "  - no workflow",
            "7.3 is open and does not say what is missing",
        ),
        (TASKS, "- [x] 1.2", "- [x] 1.1", "1.1 is there twice"),
        (TASKS, "- [x] 1.2", "- [X] 1.2", "is not a task"),
        (TASKS, "## 3 Worker", "## 3 Workers", "has no section for the phase '3 Worker'"),
    ] {
        copy.finds(SCRIPT, file, |copy| copy.replace(file, old, new), &[said]).await;
    }
    let prd = "spec/odooops-sh/prd.md";
    let missing = |copy: &Copy| std::fs::remove_file(copy.path(prd)).expect("removed");
    copy.finds(SCRIPT, prd, missing, &["prd.md: is missing or empty"]).await;
}
