//! Tests of the line splitter: a table of single cases, then properties over random bytes and cuts.

use proptest::prelude::*;

use super::*;

const MAX: usize = 64;

fn split_in(chunks: &[&[u8]], max: usize) -> Vec<String> {
    let (mut splitter, mut out) = (LineSplitter::new(max), Vec::new());
    for chunk in chunks {
        splitter.push(chunk, &mut out);
        assert!(splitter.frame.len() <= max + 1, "memory stays bounded");
    }
    splitter.finish(&mut out);
    out
}

fn split(bytes: &[u8]) -> Vec<String> {
    split_in(&[bytes], MAX)
}

#[test]
fn lines_end_where_a_terminal_ends_them() {
    let cases: [(&[u8], &[&str]); 18] = [
        (b"", &[]),
        (b"\n", &[""]),
        (b"a\nb\n", &["a", "b"]),
        (b"a\nno last newline", &["a", "no last newline"]),
        (b"a\r\nb\r\n", &["a", "b"]),
        (b"\r\n", &[""]),
        (b"10%\r50%\r100%\n", &["100%"]),
        (b"10%\r50%\r100%\r\n", &["100%"]),
        (b"10%\r50%", &["50%"]),
        (b"50%\r", &["50%"]),
        (b"50%\r\r\n", &["50%"]),
        (b"a\r\rb\n", &["b"]),
        (b"\rb\n", &["b"]),
        (b"\r", &[]),
        (b"a\0b\n", &["a\u{FFFD}b"]),
        (b"a\xff\xfeb\n", &["a\u{FFFD}\u{FFFD}b"]),
        (b"cut \xe2\x82\n", &["cut \u{FFFD}"]),
        ("gr\u{fc}n \u{1F600}\n".as_bytes(), &["gr\u{fc}n \u{1F600}"]),
    ];
    for (bytes, expected) in cases {
        assert_eq!(split(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_character_cut_by_a_read_is_whole_again() {
    let text = "\u{1F600}\u{20AC}\u{fc}\n";
    for cut in 0..text.len() {
        let (left, right) = text.as_bytes().split_at(cut);
        assert_eq!(split_in(&[left, right], MAX), ["\u{1F600}\u{20AC}\u{fc}"], "cut at {cut}");
    }
}

#[test]
fn a_line_at_the_limit_is_whole_and_one_byte_more_splits_it() {
    assert_eq!(split(&[b'x'; MAX]), ["x".repeat(MAX)]);
    let pieces = split(&[b'x'; MAX + 1]);
    assert_eq!(pieces.len(), 2);
    assert!(pieces[0].ends_with(CONTINUES) && pieces[0].len() == MAX);
    assert_eq!(pieces[0].trim_end_matches(CONTINUES).len() + pieces[1].len(), MAX + 1);
}

#[test]
fn a_line_of_10_mb_comes_in_bounded_pieces_and_loses_nothing() {
    let line: Vec<u8> = (0..10 << 20).map(|at| b'a' + (at % 23) as u8).collect();
    let max = 64 << 10;
    let pieces = split_in(&line.chunks(7_777).collect::<Vec<_>>(), max);
    assert!(pieces.iter().all(|piece| piece.len() <= max));
    let (last, unfinished) = pieces.split_last().expect("pieces");
    assert!(unfinished.iter().all(|piece| piece.ends_with(CONTINUES)));
    let joined: String = unfinished
        .iter()
        .map(|piece| &piece[..piece.len() - CONTINUES.len()])
        .chain([last.as_str()])
        .collect();
    assert!(joined.as_bytes() == line, "no byte lost, none twice");
}

#[test]
fn a_frame_that_was_given_out_stays_and_only_its_rest_is_overwritten() {
    let bytes = [vec![b'x'; MAX + 1], b"\rnew\n".to_vec()].concat();
    let lines = split(&bytes);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with(CONTINUES));
    assert_eq!(lines[1], "new");
}

#[test]
fn repairs_that_make_a_line_longer_do_not_pass_the_limit() {
    for bytes in [vec![0; MAX], vec![0xff; 3 * MAX + 5], [vec![b'x'; MAX - 1], vec![0; 9]].concat()] {
        assert!(split(&bytes).iter().all(|line| line.len() <= MAX));
    }
}

/// Bytes in which everything that matters is frequent.
fn nasty_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => "[a-z ]{1,30}".prop_map(String::into_bytes),
        2 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(vec![0]),
        1 => "\\PC{1,8}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 1..6),
        1 => prop::collection::vec(Just(b'y'), 60..200),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

fn cut_up(bytes: &[u8], cuts: Vec<prop::sample::Index>) -> Vec<&[u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// The rules of the module's head, said again in the plainest way, for lines within the limit.
fn plainly(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|rest| trim_returns(rest).is_empty()) {
        lines.pop();
    }
    lines
        .into_iter()
        .map(|line| trim_returns(line).rsplit(|byte| *byte == b'\r').next().unwrap_or_default())
        .map(|frame| String::from_utf8_lossy(frame).replace('\0', "\u{FFFD}"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn the_sizes_of_the_reads_do_not_matter(
        bytes in nasty_bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        prop_assert_eq!(split_in(&cut_up(&bytes, cuts), MAX), split(&bytes));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(split_in(&single, MAX), split(&bytes));
    }

    #[test]
    fn lines_within_the_limit_are_what_the_rules_say(bytes in nasty_bytes()) {
        prop_assert_eq!(split_in(&[&bytes], 1 << 20), plainly(&bytes));
    }

    #[test]
    fn no_line_passes_the_limit_or_holds_what_a_database_refuses(bytes in nasty_bytes()) {
        for line in split(&bytes) {
            prop_assert!(line.len() <= MAX);
            prop_assert!(!line.contains(['\0', '\n', '\r']));
        }
    }

    #[test]
    fn text_without_returns_is_conserved_to_the_byte(text in "(\\PC{0,150}\n){0,6}\\PC{1,80}") {
        let joined = split(text.as_bytes()).join("\n").replace(&format!("{CONTINUES}\n"), "");
        prop_assert_eq!(joined, text);
    }
}
