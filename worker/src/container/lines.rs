//! From bytes to lines: pure, and the same lines whatever the sizes of the reads.
//!
//! What a line is:
//! - `\n` ends it, and so does `\r\n`; a rest without one is a line when the output ends.
//! - A lone `\r` goes back to the line's start, as on a terminal: what stood before it is dropped if
//!   anything follows on the same line. Of a progress bar the last frame remains.
//! - Invalid UTF-8 and NUL become U+FFFD, as many as [`String::from_utf8_lossy`] makes.
//! - A line of more than `max_line_bytes` is given out in pieces of at most that size; each but the
//!   last ends with [`CONTINUES`]. Pieces that are out stay out: a later `\r` drops only the rest.
//!
//! So all other bytes are conserved: for valid UTF-8 without NUL and `\r`, the lines joined by `\n`,
//! with [`CONTINUES`] and the line break after it taken out, are the input (up to a last `\n`).
//! Memory held between calls is at most `max_line_bytes` + 1.

use memchr::{memchr, memchr_iter, memrchr};

/// The end of each unfinished piece of a line that was too long.
pub const CONTINUES: &str = " …[line continues]";

/// The smallest limit that makes sense: the mark and a few characters.
const MIN_LINE_BYTES: usize = CONTINUES.len() + 16;

/// Splits one stream into lines; make one for each stream.
#[derive(Debug)]
pub struct LineSplitter {
    max_line_bytes: usize,
    /// The frame of the present line that has not been given out.
    frame: Vec<u8>,
    /// The frame was followed by `\r`: it goes when anything else comes before `\n`.
    returned: bool,
}

impl LineSplitter {
    /// A splitter whose lines are at most `max_line_bytes` long (64 at least).
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes: max_line_bytes.max(MIN_LINE_BYTES), frame: Vec::new(), returned: false }
    }

    /// Takes what was read and adds the lines that are complete to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<String>) {
        let mut start = 0;
        for end in memchr_iter(b'\n', bytes) {
            self.end_line(&bytes[start..end], out);
            start = end + 1;
        }
        self.grow_line(&bytes[start..], out);
    }

    /// The output has ended: adds what was left without a `\n`.
    pub fn finish(&mut self, out: &mut Vec<String>) {
        if !self.frame.is_empty() {
            self.give_line(out);
        }
        self.returned = false;
    }

    /// The rest of a line, up to its `\n`.
    fn end_line(&mut self, rest: &[u8], out: &mut Vec<String>) {
        if self.frame.is_empty() && rest.len() <= self.max_line_bytes {
            // The common case: a whole line within one read, not copied but once.
            let rest = trim_returns(rest);
            let frame = memrchr(b'\r', rest).map_or(rest, |at| &rest[at + 1..]);
            self.give(frame, out);
        } else {
            self.grow_line(rest, out);
            self.give_line(out);
        }
        self.returned = false;
    }

    /// A part of a line without its end.
    fn grow_line(&mut self, mut part: &[u8], out: &mut Vec<String>) {
        while let Some(at) = memchr(b'\r', part) {
            self.grow_frame(&part[..at], out);
            self.returned = true;
            part = &part[at + 1..];
        }
        self.grow_frame(part, out);
    }

    /// A part of a line without `\r`.
    fn grow_frame(&mut self, mut part: &[u8], out: &mut Vec<String>) {
        if part.is_empty() {
            return;
        }
        if self.returned {
            self.frame.clear();
            self.returned = false;
        }
        while !part.is_empty() {
            let room = self.max_line_bytes + 1 - self.frame.len();
            let (taken, rest) = part.split_at(room.min(part.len()));
            self.frame.extend_from_slice(taken);
            part = rest;
            if self.frame.len() > self.max_line_bytes {
                let cut = character_start(&self.frame, self.max_line_bytes - CONTINUES.len());
                let piece = repair(&self.frame[..cut]);
                self.frame.drain(..cut);
                let last = self.split_off_pieces(piece, self.max_line_bytes - CONTINUES.len(), out);
                out.push(last + CONTINUES);
            }
        }
    }

    fn give_line(&mut self, out: &mut Vec<String>) {
        let frame = std::mem::take(&mut self.frame);
        self.give(&frame, out);
        self.frame = frame;
        self.frame.clear();
    }

    fn give(&self, frame: &[u8], out: &mut Vec<String>) {
        let line = self.split_off_pieces(repair(frame), self.max_line_bytes, out);
        out.push(line);
    }

    /// Repairs make text longer: gives out pieces until what remains fits in `limit`.
    fn split_off_pieces(&self, mut text: String, limit: usize, out: &mut Vec<String>) -> String {
        while text.len() > limit {
            let cut = text.floor_char_boundary(self.max_line_bytes - CONTINUES.len());
            let rest = text.split_off(cut);
            out.push(text + CONTINUES);
            text = rest;
        }
        text
    }
}

/// Without the `\r`s at its end.
fn trim_returns(line: &[u8]) -> &[u8] {
    let kept = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    &line[..kept]
}

/// The last place at or before `at` that does not tear a character apart.
fn character_start(bytes: &[u8], at: usize) -> usize {
    for back in 1..=3.min(at) {
        let length = match bytes[at - back] {
            0b1000_0000..=0b1011_1111 => continue,
            0b1100_0000..=0b1101_1111 => 2,
            0b1110_0000..=0b1110_1111 => 3,
            0b1111_0000.. => 4,
            _ => 1,
        };
        return if length > back { at - back } else { at };
    }
    at
}

/// As text, with U+FFFD for what is none.
fn repair(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if memchr(0, text.as_bytes()).is_some() { text.replace('\0', "\u{FFFD}") } else { text }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
