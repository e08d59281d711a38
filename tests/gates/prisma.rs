//! `scripts/validate_prisma.sh`.

use super::copy::{Copy, explains_itself};

const SCRIPT: &str = "scripts/validate_prisma.sh";
const SCHEMA: &str = "dbml/schema.prisma";

#[tokio::test]
async fn prisma_accepts_the_schema_and_makes_a_client() {
    explains_itself(SCRIPT).await;
    let passed = Copy::new().run(SCRIPT, &[]).await;
    assert!(passed.code == 0 && passed.stdout.contains("models, views and enums"), "{passed:?}");
}

#[tokio::test]
async fn an_invalid_schema_is_refused() {
    let copy = Copy::new();
    let unknown = |copy: &Copy| copy.replace(SCHEMA, "run_number BigInt", "run_number Huge");
    copy.finds(SCRIPT, SCHEMA, unknown, &["prisma validate refuses", "Huge"]).await;
    let one_sided = |copy: &Copy| copy.replace(SCHEMA, "  run_steps run_steps[]\n", "");
    copy.finds(SCRIPT, SCHEMA, one_sided, &["prisma validate refuses", "run_steps"]).await;
    let missing = |copy: &Copy| std::fs::remove_file(copy.path(SCHEMA)).expect("removed");
    copy.finds(SCRIPT, SCHEMA, missing, &["is missing"]).await;
}
