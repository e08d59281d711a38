//! `scripts/validate_docs.sh`.

use super::copy::{Copy, explains_itself};

const SCRIPT: &str = "scripts/validate_docs.sh";
const DOCUMENT: &str = "docs/odooops-sh/CICD.md";

#[tokio::test]
async fn everything_that_the_documents_point_at_is_there() {
    explains_itself(SCRIPT).await;
    let passed = Copy::new().run(SCRIPT, &[]).await;
    assert_eq!(passed.code, 0, "{passed:?}");
}

#[tokio::test]
async fn a_dead_link_anchor_or_path_is_found() {
    let copy = Copy::new();
    for (text, said) in [
        ("See [this](nowhere.md).", "the link nowhere.md leads nowhere"),
        ("See [this](../security.md#nothing).", "the link ../security.md#nothing names a heading"),
        ("See [this](#nothing).", "the link #nothing names a heading"),
        ("Call `scripts/nothing.sh`.", "names scripts/nothing.sh, which does not exist"),
        ("```sh\n./scripts/nothing --flag\n```", "names scripts/nothing, which does not exist"),
        ("Call `odooops dance`.", "names the command odooops dance, which does not exist"),
        ("Call `odooops run dance`.", "names the command odooops run dance, which does not exist"),
        // In two parts, since this file is one of those that are searched for the name.
        (concat!("Set `ODOOOPS_", "NO_SUCH_THING`."), "names the variable ODOOOPS_"),
        (concat!("Read `ops.", "no_such_table`."), "which the schema does not have"),
    ] {
        let add = |copy: &Copy| copy.write(DOCUMENT, &format!("{}\n{text}\n", copy.text(DOCUMENT)));
        copy.finds(SCRIPT, DOCUMENT, add, &[DOCUMENT, said]).await;
    }
}

#[tokio::test]
async fn two_decisions_with_one_number_are_found() {
    let copy = Copy::new();
    let decision = "docs/adr/0001-redact-bytes-before-lines.md";
    copy.write("docs/adr/0001-another.md", "# 1. Another\n");
    let found = copy.run(SCRIPT, &[]).await;
    assert!(found.code == 1 && found.stderr.contains("has the number of"), "{found:?}");
    std::fs::remove_file(copy.path("docs/adr/0001-another.md")).expect("removed");
    let retitle = |copy: &Copy| copy.replace(decision, "# 1. ", "# 2. ");
    copy.finds(SCRIPT, decision, retitle, &["its title does not begin with '# 1. '"]).await;
}
