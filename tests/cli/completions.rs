//! Completion scripts: bash's own parser judges bash's, the others are judged by what they must name.

use super::program::Program;

async fn script(shell: &str) -> String {
    Program::new(&["completions", shell]).run().await.done()
}

#[tokio::test]
async fn bash_reads_its_script_and_completes_a_verb_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("odooops.bash");
    let test = "\nCOMP_WORDS=(odooops run enq); COMP_CWORD=2; _odooops odooops enq run; printf '%s' \"${COMPREPLY[*]}\"";
    std::fs::write(&path, script("bash").await + test).expect("a file");
    let bash = std::process::Command::new("bash").arg("--norc").arg(&path).output().expect("bash runs");
    let stdout = String::from_utf8_lossy(&bash.stdout);
    assert!(bash.status.success() && stdout == "enqueue", "{bash:?}");
}

#[tokio::test]
async fn zsh_and_fish_scripts_name_every_verb_and_balance_their_quotes() {
    for (shell, head) in [("zsh", "#compdef odooops"), ("fish", "function __fish_odooops")] {
        let script = script(shell).await;
        assert!(script.contains(head), "{shell}");
        for verb in ["enqueue", "drain", "completions", "if-missing", "since-seq"] {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
        let code: Vec<&str> = script.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let escaped = code.join("\n").replace("'\\''", "").replace("\\'", "");
        assert_eq!(escaped.matches('\'').count() % 2, 0, "{shell}: quotes");
    }
}

#[tokio::test]
async fn an_unknown_shell_lists_the_known_ones() {
    Program::new(&["completions", "dos"]).run().await.refused(2, &["bash", "zsh", "fish"]);
}
