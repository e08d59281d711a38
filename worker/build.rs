//! Embeds every file below `../migrations` and `../sql`: what is there is applied, nothing is listed by hand.
//! Also says from which commit the program is built.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // Tests on a real Odoo run where an image with one is named, and are shown as ignored elsewhere.
    println!("cargo::rustc-check-cfg=cfg(odooops_test_odoo_image)");
    println!("cargo::rerun-if-env-changed=ODOOOPS_TEST_ODOO_IMAGE");
    if env::var_os("ODOOOPS_TEST_ODOO_IMAGE").is_some_and(|image| !image.is_empty()) {
        println!("cargo::rustc-cfg=odooops_test_odoo_image");
    }
    let root = PathBuf::from(env_path("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    println!("cargo::rustc-env=ODOOOPS_BUILD_COMMIT={}", commit(&root));
    let mut source = String::new();
    let mut hasher = DefaultHasher::new();
    for (name, folder) in [("MIGRATIONS", "migrations"), ("OBJECTS", "sql")] {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        files.sort();
        writeln!(source, "static {name}: &[(&str, &str)] = &[").map_err(io::Error::other)?;
        for file in files {
            let path = file.strip_prefix(&root).map_err(io::Error::other)?.display().to_string();
            path.hash(&mut hasher);
            fs::read(&file)?.hash(&mut hasher);
            writeln!(source, "    ({path:?}, include_str!({:?})),", file.display().to_string())
                .map_err(io::Error::other)?;
        }
        writeln!(source, "];").map_err(io::Error::other)?;
    }
    writeln!(source, "static CONTENT_HASH: &str = \"{:016x}\";", hasher.finish())
        .map_err(io::Error::other)?;
    for (name, path) in [("CATALOG", "sql/catalog.json"), ("OLDER_CATALOG", "sql/older/catalog.json")] {
        let catalog = root.join(path);
        if catalog.is_file() {
            writeln!(source, "static {name}: &str = include_str!({:?});", catalog.display().to_string())
        } else {
            writeln!(source, "static {name}: &str = \"{{}}\";")
        }
        .map_err(io::Error::other)?;
    }
    fs::write(Path::new(&env_path("OUT_DIR")?).join("schema_files.rs"), source)
}

/// What is compiled, beside what is embedded: where a change makes a commit's number untrue.
const SOURCES: [&str; 5] = ["Cargo.toml", "Cargo.lock", "worker", "migrations", "sql"];

/// Twelve digits of the commit, with `-dirty` where sources were changed since; `ODOOOPS_BUILD_COMMIT` where
/// that is set (a build without the repository), else `unknown`.
fn commit(root: &Path) -> String {
    println!("cargo::rerun-if-env-changed=ODOOOPS_BUILD_COMMIT");
    if let Some(given) = env::var("ODOOOPS_BUILD_COMMIT").ok().filter(|given| !given.trim().is_empty()) {
        return given.trim().to_owned();
    }
    // A folder in somebody else's repository is no repository of ours.
    let Some(top) = git(root, &["rev-parse", "--show-toplevel"]) else { return "unknown".to_owned() };
    if Path::new(&top) != root {
        return "unknown".to_owned();
    }
    // The log of HEAD grows with each commit and check-out; a path that is missing would mean "always".
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let Some(hash) = git(root, &["rev-parse", "--verify", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let status = [&["status", "--porcelain", "--untracked-files=no", "--"][..], &SOURCES].concat();
    match git(root, &status).as_deref() {
        Some("") => hash,
        Some(_) | None => format!("{hash}-dirty"),
    }
}

/// What git answers, where there is a git and a repository.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let answer =
        Command::new("git").arg("--no-optional-locks").args(arguments).current_dir(root).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

fn env_path(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// Every `.sql` file below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    Ok(())
}
