//! Takes secrets out of bytes on their way to the log.
//!
//! Every spelling of every secret is found, overlaps included, and each run of covered bytes becomes
//! [`MASK`]. What comes out does not depend on where the bytes were split: a stream holds back only
//! the tail that may still become a secret.

mod patterns;
mod skip;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous;
use aho_corasick::{Anchored, BuildError, MatchKind, StartKind, dfa};
use secrecy::{ExposeSecret, SecretString};

pub use patterns::url_passwords;
use skip::Skipper;

/// What stands in the log where a secret was.
pub const MASK: &str = "***";

/// Fewest bytes of a secret: a shorter one would be found in innocent text all the time.
pub const MIN_SECRET_BYTES: usize = 6;

/// Up to this many bytes of patterns the automaton is a dense table (about 500 bytes of memory for each
/// byte of pattern, and the fastest); above it, a compact one.
const DENSE_PATTERN_BYTES: usize = 16 * 1024;

/// Why no redactor can be made, and so why nothing may be run.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A secret is too short to be told from innocent text.
    #[error(
        "the secret {name} is shorter than {MIN_SECRET_BYTES} bytes and cannot be kept out of logs; give it a longer value"
    )]
    SecretTooShort {
        /// Name of the secret.
        name: String,
    },
    /// All spellings of all secrets together are too many.
    #[error("the secrets are too large to be kept out of logs: {0}")]
    TooLarge(#[from] BuildError),
}

/// Knows every spelling of every secret of a run. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor {
    finder: Option<Arc<Finder>>,
}

/// Two ways to hold the same automaton.
enum Matcher {
    Dense(dfa::DFA),
    Compact(contiguous::NFA),
}

struct Finder {
    patterns: BTreeSet<Vec<u8>>,
    matcher: Matcher,
    skipper: Skipper,
    start: StateID,
    /// For each state: how many of the last bytes may still become a secret. A state that is not here is the start.
    depths: HashMap<StateID, usize>,
}

impl fmt::Debug for Redactor {
    /// The patterns are secrets, so they are not shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Learns the secrets, given as (name, value). An empty value is no secret and is passed over.
    ///
    /// # Errors
    /// [`RedactError::SecretTooShort`] names the first secret below [`MIN_SECRET_BYTES`].
    pub fn new(secrets: &[(String, SecretString)]) -> Result<Self, RedactError> {
        Self::default().and(secrets)
    }

    /// One that knows these secrets, too.
    ///
    /// # Errors
    /// As [`Redactor::new`].
    pub fn and(&self, secrets: &[(String, SecretString)]) -> Result<Self, RedactError> {
        let mut patterns = self.finder.as_ref().map(|finder| finder.patterns.clone()).unwrap_or_default();
        let known = patterns.len();
        for (name, secret) in secrets {
            let secret = secret.expose_secret();
            let bare = secret.trim_end_matches(['\r', '\n']);
            if bare.is_empty() {
                continue;
            }
            if bare.len() < MIN_SECRET_BYTES {
                return Err(RedactError::SecretTooShort { name: name.clone() });
            }
            patterns::spell(secret, &mut patterns);
            patterns::spell(bare, &mut patterns);
        }
        if patterns.len() == known {
            return Ok(self.clone());
        }
        Ok(Self { finder: Some(Arc::new(Finder::new(patterns)?)) })
    }

    /// A redactor for one stream of bytes (stdout and stderr have one each).
    #[must_use]
    pub fn stream(&self) -> RedactStream {
        let state = self.finder.as_ref().map(|finder| finder.start);
        RedactStream { redactor: self.clone(), state, held: Vec::new(), found: Vec::new(), masked: false }
    }

    /// The text without secrets, for messages.
    #[must_use]
    pub fn redact_str(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let mut stream = self.stream();
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        // Secrets are whole characters, so cutting them out leaves whole characters.
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Finder {
    fn new(patterns: BTreeSet<Vec<u8>>) -> Result<Self, BuildError> {
        let total: usize = patterns.iter().map(Vec::len).sum();
        let matcher = if total <= DENSE_PATTERN_BYTES {
            Matcher::Dense(
                dfa::Builder::new()
                    .match_kind(MatchKind::Standard)
                    .start_kind(StartKind::Unanchored)
                    .prefilter(false)
                    .build(&patterns)?,
            )
        } else {
            let builder = &mut contiguous::Builder::new();
            Matcher::Compact(builder.match_kind(MatchKind::Standard).prefilter(false).build(&patterns)?)
        };
        let (start, depths) = match &matcher {
            Matcher::Dense(automaton) => measure_depths(automaton, &patterns),
            Matcher::Compact(automaton) => measure_depths(automaton, &patterns),
        };
        Ok(Self { skipper: Skipper::new(&patterns), patterns, matcher, start, depths })
    }

    /// Reads `bytes`, the first of which is at `offset`; returns the new state.
    fn scan(&self, state: StateID, bytes: &[u8], offset: usize, found: &mut Vec<Range<usize>>) -> StateID {
        match &self.matcher {
            Matcher::Dense(automaton) => self.scan_with(automaton, state, bytes, offset, found),
            Matcher::Compact(automaton) => self.scan_with(automaton, state, bytes, offset, found),
        }
    }

    fn scan_with(
        &self,
        automaton: &impl Automaton,
        mut state: StateID,
        bytes: &[u8],
        offset: usize,
        found: &mut Vec<Range<usize>>,
    ) -> StateID {
        let mut index = 0;
        loop {
            // In the start state nothing that was read matters any more.
            if state == self.start {
                index = self.skipper.skip(bytes, index);
            }
            let Some(byte) = bytes.get(index) else { return state };
            index += 1;
            state = automaton.next_state(Anchored::No, state, *byte);
            if automaton.is_match(state) {
                let end = offset + index;
                let longest = (0..automaton.match_len(state))
                    .map(|nth| automaton.pattern_len(automaton.match_pattern(state, nth)))
                    .max()
                    .unwrap_or(0);
                cover(found, end - longest..end);
            }
        }
    }
}

/// The start state (only if the automaton was built for unanchored search, as ours is), and each state's depth:
/// reading a pattern from the start visits exactly the states whose longest candidate is that much of it.
fn measure_depths(
    automaton: &impl Automaton,
    patterns: &BTreeSet<Vec<u8>>,
) -> (StateID, HashMap<StateID, usize>) {
    let start = automaton.start_state(Anchored::No).unwrap_or_default();
    let mut depths = HashMap::new();
    for pattern in patterns {
        let mut state = start;
        for (index, byte) in pattern.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, *byte);
            depths.insert(state, index + 1);
        }
    }
    (start, depths)
}

/// Adds a range that ends no earlier than all others, and joins those that it touches.
fn cover(found: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    while let Some(last) = found.last().filter(|last| last.end >= range.start) {
        range.start = range.start.min(last.start);
        found.pop();
    }
    found.push(range);
}

/// One stream of bytes on its way through the redactor.
pub struct RedactStream {
    redactor: Redactor,
    state: Option<StateID>,
    /// The last bytes that came in and were not given out, because they may still become a secret.
    held: Vec<u8>,
    /// Secrets found that are not given out yet, as ranges over `held` and what follows it.
    found: Vec<Range<usize>>,
    /// The last byte given out was part of a secret.
    masked: bool,
}

impl fmt::Debug for RedactStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedactStream").finish_non_exhaustive()
    }
}

impl RedactStream {
    /// Takes the next bytes and adds to `out` whatever is decided by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let (Some(finder), Some(state)) = (&self.redactor.finder, self.state) else {
            out.extend_from_slice(bytes);
            return;
        };
        let state = finder.scan(state, bytes, self.held.len(), &mut self.found);
        let may_become = finder.depths.get(&state).copied().unwrap_or(0);
        self.state = Some(state);
        let seen = self.held.len() + bytes.len();
        self.give_out(seen - may_become, bytes, out);
    }

    /// The stream has ended: gives out the rest.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.give_out(self.held.len(), &[], out);
    }

    /// Gives out the first `decided` of the held and the new bytes, and holds the others.
    fn give_out(&mut self, decided: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let found = std::mem::take(&mut self.found);
        let mut done = 0;
        for range in &found {
            self.copy(&held, bytes, done..range.start.min(decided), out);
            if range.start < decided && !self.masked {
                out.extend_from_slice(MASK.as_bytes());
                self.masked = true;
            }
            done = done.max(range.end.min(decided));
        }
        self.copy(&held, bytes, done..decided, out);
        self.found = found
            .into_iter()
            .filter(|range| range.end > decided)
            .map(|range| range.start.saturating_sub(decided)..range.end - decided)
            .collect();
        self.held.extend_from_slice(held.get(decided..).unwrap_or_default());
        self.held.extend_from_slice(&bytes[decided.saturating_sub(held.len())..]);
    }

    /// Copies a range over `held` followed by `bytes`.
    fn copy(&mut self, held: &[u8], bytes: &[u8], range: Range<usize>, out: &mut Vec<u8>) {
        if range.is_empty() {
            return;
        }
        self.masked = false;
        let border = held.len();
        out.extend_from_slice(&held[range.start.min(border)..range.end.min(border)]);
        out.extend_from_slice(&bytes[range.start.max(border) - border..range.end.max(border) - border]);
    }
}
