//! `requirements.txt`: which other files it draws in, so that all of them reach the image build.

/// The files that a requirements file includes (`-r other.txt`, `-c constraints.txt`), as it writes them.
#[must_use]
pub fn included_files(text: &str) -> Vec<&str> {
    text.lines().filter_map(included_file).collect()
}

fn included_file(line: &str) -> Option<&str> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    ["--requirement", "--constraint", "-r", "-c"].iter().find_map(|option| {
        let rest = line.strip_prefix(option)?;
        let file = rest.trim_start_matches('=').trim();
        let separated = !option.starts_with("--") || rest.starts_with(['=', ' ', '\t']);
        (separated && !file.is_empty() && !file.contains("://")).then_some(file)
    })
}

/// `base` (a folder, empty for the root) joined with a relative path; `None` when that leads outside the root.
#[must_use]
pub fn join_inside(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{included_files, join_inside};

    #[test]
    fn included_files_are_found() {
        let text = "requests==2\n-r base.txt\n  --requirement=dev/a.txt # why\n-cconstraints.txt\n\
                    --constraint c.txt\n# -r no.txt\n--require-hashes\n-r https://example.com/r.txt\n-e .";
        assert_eq!(included_files(text), ["base.txt", "dev/a.txt", "constraints.txt", "c.txt"]);
    }

    #[test]
    fn paths_stay_inside_the_root() {
        for (base, relative, joined) in [
            ("", "a.txt", Some("a.txt")),
            ("addons/x", "../b.txt", Some("addons/b.txt")),
            ("addons", "./c/../d.txt", Some("addons/d.txt")),
            ("addons", "../../etc/passwd", None),
            ("", "..", None),
            ("", "/etc/passwd", None),
        ] {
            assert_eq!(join_inside(base, relative).as_deref(), joined, "{base} + {relative}");
        }
    }
}
