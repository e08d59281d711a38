//! Which names of schema `ops` a function's text mentions. Text, not a parse: bodies build SQL out of strings, too, and
//! a function that is dropped without need is told of and written down, while one that is left would work on our tables.

/// The first word after `ops.` (or any word, where the function searches `ops` itself) that `wanted` accepts.
pub(super) fn mention(source: &str, searches_ops: bool, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let text = without_comments(&source.to_lowercase()).replace('"', "");
    let mut previous = "";
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        let between = &rest[..start];
        let word_and_rest = &rest[start..];
        let end = word_and_rest.find(|c| !is_word(c)).unwrap_or(word_and_rest.len());
        let word = &word_and_rest[..end];
        let is_qualified = between.trim() == ".";
        let in_ops = is_qualified && previous == "ops" || searches_ops && !is_qualified;
        if in_ops && wanted(word) {
            return Some(word.to_owned());
        }
        previous = word;
        rest = &word_and_rest[end..];
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn without_comments(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("--").into_iter().chain(rest.find("/*")).min() {
        text.push_str(&rest[..at]);
        text.push(' ');
        let comment = &rest[at..];
        let end = if comment.starts_with("--") {
            comment.find('\n')
        } else {
            comment.find("*/").map(|end| end + 2)
        };
        rest = end.map_or("", |end| &comment[end..]);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions_runs(source: &str) -> bool {
        mention(source, false, |name| name == "runs").is_some()
    }

    #[test]
    fn a_qualified_name_counts_however_it_is_written() {
        for source in [
            "update ops.runs set a = 1",
            "UPDATE OPS.RUNS SET a = 1",
            "select 1 from \"ops\".\"runs\"",
            "select 1 from ops . runs",
            "execute 'delete from ops.runs'",
            "r ops.runs%rowtype;",
        ] {
            assert!(mentions_runs(source), "{source}");
        }
    }

    #[test]
    fn other_names_and_comments_do_not_count() {
        for source in [
            "select 1 from ops.runs_archive",
            "select 1 from public.runs",
            "select runs from ops.jobs",
            "select 1 -- not ops.runs\n from ops.jobs",
            "select 1 /* ops.runs */ from ops.jobs",
            "select 1 from devops.runs",
        ] {
            assert!(!mentions_runs(source), "{source}");
        }
    }

    #[test]
    fn a_function_that_searches_ops_needs_no_prefix() {
        assert!(mention("select 1 from runs", true, |name| name == "runs").is_some());
        assert!(mention("select 1 from public.runs", true, |name| name == "runs").is_none());
    }
}
