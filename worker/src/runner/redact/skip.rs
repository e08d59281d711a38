//! Finds quickly where a pattern cannot begin, so that the automaton reads only a few bytes of innocent text.
//!
//! After Wu and Manber, "A fast algorithm for multi-pattern searching" (1994): a window as long as the shortest
//! pattern slides over the text; the two bytes at its end say how far it may move without passing by a pattern.

use std::collections::BTreeSet;
use std::fmt;

/// A longer window skips further, but is worth little beyond this.
const MAX_WINDOW_BYTES: usize = 32;

pub(super) struct Skipper {
    window: usize,
    /// For each pair of bytes: how far the window that ends with it may move; 0 where a pattern may begin.
    shifts: Vec<u8>,
}

impl fmt::Debug for Skipper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Skipper").finish_non_exhaustive()
    }
}

impl Skipper {
    /// For patterns of at least two bytes.
    pub(super) fn new(patterns: &BTreeSet<Vec<u8>>) -> Self {
        let shortest = patterns.iter().map(Vec::len).min().unwrap_or(2);
        let window = shortest.min(MAX_WINDOW_BYTES);
        let mut shifts = vec![(window - 1) as u8; 1 << 16];
        for pattern in patterns {
            for (index, pair) in pattern[..window].windows(2).enumerate() {
                let to_the_end = (window - 2 - index) as u8;
                let shift = &mut shifts[pair_index(pair[0], pair[1])];
                *shift = to_the_end.min(*shift);
            }
        }
        Self { window, shifts }
    }

    /// The first place at or after `from` where a pattern may begin; all after the last whole window may be one.
    pub(super) fn skip(&self, bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(window) = bytes.get(at..at + self.window) {
            match self.shifts[pair_index(window[self.window - 2], window[self.window - 1])] {
                0 => return at,
                shift => at += usize::from(shift),
            }
        }
        at.min(bytes.len())
    }
}

fn pair_index(first: u8, second: u8) -> usize {
    usize::from(u16::from_be_bytes([first, second]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_beginning_of_a_pattern_is_passed_by(
            patterns in prop::collection::vec("[abc]{2,40}", 1..4),
            noise in "[abcd]{0,80}",
            at in 0..80_usize,
            cut in 0..120_usize,
        ) {
            let patterns: Vec<Vec<u8>> = patterns.into_iter().map(String::into_bytes).collect();
            let mut text = noise.into_bytes();
            let at = at.min(text.len());
            text.splice(at..at, patterns[0].iter().copied());
            // The text may end within a pattern: the rest of it comes with the next read.
            text.truncate(cut.max(1));
            let begins = |from: usize| {
                patterns.iter().any(|pattern| {
                    let rest = &text[from..];
                    !rest.is_empty() && (rest.starts_with(pattern) || pattern.starts_with(rest))
                })
            };
            let first = (0..text.len()).find(|from| begins(*from)).unwrap_or(text.len());
            let skipped = Skipper::new(&patterns.iter().cloned().collect()).skip(&text, 0);
            prop_assert!(skipped <= first, "{skipped} is beyond {first}");
        }
    }

    #[test]
    fn innocent_text_is_skipped_by_windows() {
        let skipper = Skipper::new(&BTreeSet::from([b"secret-value".to_vec()]));
        let text = [b'.'; 1000];
        assert!(skipper.skip(&text, 0) > 1000 - 12);
    }
}
