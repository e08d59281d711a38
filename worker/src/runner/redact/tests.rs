//! Redaction as behaviours: nothing of a secret comes out, in any spelling, however the bytes are split.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let named: Vec<_> = secrets
        .iter()
        .enumerate()
        .map(|(index, secret)| (format!("SECRET_{index}"), SecretString::from(*secret)))
        .collect();
    Redactor::new(&named).expect("the secrets are long enough")
}

/// What comes out when the bytes are split at `cuts`.
fn redact_split(redactor: &Redactor, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut stream = redactor.stream();
    let mut from = 0;
    for cut in cuts {
        stream.push(&bytes[from..*cut], &mut out);
        from = *cut;
    }
    stream.push(&bytes[from..], &mut out);
    stream.finish(&mut out);
    out
}

const TRICKY: &str = "p@ss/w:rd+\"x\" é&<\\>?";

#[test]
fn each_spelling_of_a_secret_is_masked_at_every_split_point() {
    let redactor = redactor(&[TRICKY]);
    let spellings = [
        TRICKY,
        "p%40ss%2Fw%3Ard%2B%22x%22%20%C3%A9%26%3C%5C%3E%3F",
        "p%40ss%2fw%3ard%2b%22x%22%20%c3%a9%26%3c%5c%3e%3f",
        "p%40ss%2Fw%3Ard%2B%22x%22+%C3%A9%26%3C%5C%3E%3F",
        r#"p@ss/w:rd+\"x\" é&<\\>?"#,
        r#"p@ss\/w:rd+\"x\" é&<\\>?"#,
        r#"p@ss/w:rd+\"x\" \u00e9&<\\>?"#,
        r#"p@ss/w:rd+\"x\" é\u0026\u003c\\\u003e?"#,
        r#"p@ss/w:rd+\\\"x\\\" é&<\\\\>?"#,
    ];
    for spelling in spellings {
        let text = format!("before {spelling} after");
        for cut in 0..=text.len() {
            let out = redact_split(&redactor, text.as_bytes(), &[cut]);
            assert_eq!(String::from_utf8_lossy(&out), "before *** after", "{spelling} cut at {cut}");
        }
    }
    for hexed in [hex::encode(TRICKY), hex::encode_upper(TRICKY)] {
        assert_eq!(redactor.redact_str(&format!("<{hexed}>")), "<***>");
    }
}

#[test]
fn base64_is_masked_wherever_the_secret_stands_in_the_data() {
    let secret = "s3cr3t-t0ken";
    let redactor = redactor(&[secret]);
    for before in ["", "u", "us", "usr", "user:"] {
        for after in ["", "!", "!!", "!!!"] {
            let data = format!("{before}{secret}{after}");
            for encoded in [STANDARD.encode(&data), URL_SAFE_NO_PAD.encode(&data)] {
                let out = redactor.redact_str(&encoded);
                assert!(out.contains(MASK), "{data}: {out}");
                // Only characters that hold a bit of the neighbours may be left.
                let left = out.replace(['*', '='], "").len();
                let ends_at = before.len() + secret.len();
                let tail = (data.len() * 8).div_ceil(6) - ends_at * 8 / 6;
                let neighbours = (before.len() * 8).div_ceil(6) + if after.is_empty() { 0 } else { tail };
                assert!(left <= neighbours, "{data}: {out}");
                if before.is_empty() && after.is_empty() {
                    assert_eq!(out, MASK);
                }
            }
        }
    }
}

#[test]
fn a_secret_of_several_lines_is_masked_whole_and_line_by_line() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\nkqhkiG9w0BAQ\n-----END KEY-----\n";
    let redactor = redactor(&[key]);
    assert_eq!(redactor.redact_str(&format!("<{key}>")), "<***>");
    assert_eq!(redactor.redact_str(&format!("<{}>", key.trim_end())), "<***>");
    assert_eq!(redactor.redact_str(&format!("<{}>", key.trim_end().replace('\n', "\r\n"))), "<***>");
    assert_eq!(redactor.redact_str("one line: MIIEvQIBADANBg."), "one line: ***.");
    assert_eq!(redactor.redact_str("ab is too short to be one"), "ab is too short to be one");
    let json = serde_json::json!({ "key": key }).to_string();
    assert_eq!(redactor.redact_str(&json), r#"{"key":"***"}"#);
}

#[test]
fn overlapping_secrets_leave_nothing_of_either() {
    let redactor = redactor(&["abcdef", "efghij", "abcdefghij-and-more"]);
    assert_eq!(redactor.redact_str("xabcdefghijx"), "x***x");
    assert_eq!(redactor.redact_str("xabcdefghij-and-lessx"), "x***-and-lessx");
    assert_eq!(redactor.redact_str("xabcdefghij-and-morex"), "x***x");
    assert_eq!(redactor.redact_str("abcdefabcdef efghij"), "*** ***");
}

#[test]
fn only_a_tail_that_may_become_a_secret_is_held_back() {
    let redactor = redactor(&["hunter22-secret"]);
    let mut stream = redactor.stream();
    let mut out = Vec::new();
    stream.push(b"progress 10 %", &mut out);
    assert_eq!(out, b"progress 10 %");
    stream.push(b" hunter", &mut out);
    assert_eq!(out, b"progress 10 % ");
    stream.push(b" is no secret", &mut out);
    assert_eq!(out, b"progress 10 % hunter is no secret");
}

#[test]
fn a_short_secret_is_refused_by_name_and_never_shown() {
    let secrets = [("DB_PASSWORD".to_owned(), SecretString::from("abcde"))];
    let message = Redactor::new(&secrets).expect_err("too short").to_string();
    assert!(message.contains("DB_PASSWORD") && !message.contains("abcde"), "{message}");
    let newline = [("PIN".to_owned(), SecretString::from("12345\n"))];
    assert!(matches!(Redactor::new(&newline), Err(RedactError::SecretTooShort { name }) if name == "PIN"));
}

#[test]
fn a_redactor_can_learn_more_and_keeps_what_it_knew() {
    let worker = redactor(&["of-the-worker"]);
    let run = worker.and(&[("URL".to_owned(), SecretString::from("of-the-run"))]).expect("long enough");
    assert_eq!(run.redact_str("of-the-worker, of-the-run"), "***, ***");
    assert_eq!(worker.redact_str("of-the-worker, of-the-run"), "***, of-the-run");
}

#[test]
fn without_secrets_everything_passes() {
    let redactor = Redactor::new(&[("EMPTY".to_owned(), SecretString::from(""))]).expect("none to learn");
    assert_eq!(redactor.redact_str("anything \u{0} at all"), "anything \u{0} at all");
}

#[test]
fn many_long_secrets_use_the_compact_automaton_with_the_same_result() {
    let long: Vec<String> = (0..8).map(|n| format!("{}-{n}", "0123456789abcdef".repeat(20 + n))).collect();
    let redactor = redactor(&long.iter().map(String::as_str).collect::<Vec<_>>());
    let finder = redactor.finder.as_ref().expect("there are secrets");
    assert!(matches!(finder.matcher, Matcher::Compact(_)));
    for secret in &long {
        let text = format!("a {secret} b {} c", STANDARD.encode(secret));
        let cuts: Vec<usize> = (0..text.len()).collect();
        assert_eq!(redact_split(&redactor, text.as_bytes(), &cuts), b"a *** b *** c");
    }
}

#[test]
fn passwords_are_found_in_urls_as_written_and_as_meant() {
    let cases: [(&str, &[&str]); 9] = [
        ("postgres://odoo:s3cret@db:5432/x", &["s3cret"]),
        ("postgres://odoo:p%40ss%2Fword@db/x?sslmode=require", &["p%40ss%2Fword", "p@ss/word"]),
        ("postgresql://db/x?user=odoo&password=a%20b#f", &["a b", "a%20b"]),
        ("https://x-token:ghp@odd@github.com/o/r.git", &["ghp@odd"]),
        ("https://github.com:443/o/r@v1", &[]),
        ("https://user@github.com/o/r.git", &[]),
        ("host=db user=odoo password=abc dbname=x", &["abc"]),
        ("host=db password='a b c' user=odoo", &["a b c"]),
        ("not a url", &[]),
    ];
    for (url, expected) in cases {
        let found = url_passwords(url);
        let found: Vec<&str> = found.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(found, expected, "{url}");
    }
}

proptest! {
    /// Few letters, so that secrets overlap themselves and each other and begin everywhere.
    #[test]
    fn nothing_of_a_secret_comes_out_however_it_is_split(
        secrets in prop::collection::vec("[ab\n]{6,12}", 1..4),
        noise in prop::collection::vec("[ab c]{0,8}", 4),
        cuts in prop::collection::vec(0.0..1.0_f64, 0..8),
    ) {
        prop_assume!(secrets.iter().all(|secret| secret.trim_end_matches('\n').len() >= MIN_SECRET_BYTES));
        let redactor = redactor(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let mut text = noise[0].clone();
        for (secret, noise) in secrets.iter().zip(&noise[1..]) {
            text.push_str(secret);
            text.push_str(noise);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * text.len() as f64) as usize).collect();
        cuts.sort_unstable();
        let out = redact_split(&redactor, text.as_bytes(), &cuts);
        let out = String::from_utf8(out).expect("secrets are whole characters");
        for secret in &secrets {
            prop_assert!(!out.contains(secret.as_str()), "{secret:?} in {out:?}");
        }
        prop_assert_eq!(&out, &redactor.redact_str(&text), "the split shows");
        // Byte by byte: what is outside every occurrence of every pattern stands, what is inside does not.
        prop_assert_eq!(&out, &masked_by_search(&text, &secrets));
    }

    #[test]
    fn text_without_secrets_passes_unchanged(text in "[ -Q]{0,200}", cut in 0.0..1.0_f64) {
        let redactor = redactor(&["zzzzzz-not-there"]);
        let cut = (cut * text.len() as f64) as usize;
        prop_assert_eq!(redact_split(&redactor, text.as_bytes(), &[cut]), text.as_bytes());
    }
}

/// The same by brute force, over all spellings.
fn masked_by_search(text: &str, secrets: &[String]) -> String {
    let mut spellings = std::collections::BTreeSet::new();
    for secret in secrets {
        patterns::spell(secret, &mut spellings);
        patterns::spell(secret.trim_end_matches('\n'), &mut spellings);
    }
    let bytes = text.as_bytes();
    let mut covered = vec![false; bytes.len()];
    for spelling in &spellings {
        for at in 0..(bytes.len() + 1).saturating_sub(spelling.len()) {
            if bytes[at..].starts_with(spelling) {
                covered[at..at + spelling.len()].fill(true);
            }
        }
    }
    let mut out = String::new();
    for (index, character) in text.char_indices() {
        match (covered[index], index > 0 && covered[index - 1]) {
            (false, _) => out.push(character),
            (true, false) => out.push_str(MASK),
            (true, true) => {}
        }
    }
    out
}
