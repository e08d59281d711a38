//! A mark at the end of a program's output, by which we know that all of it arrived: an engine that
//! loses the last bytes of a stream loses the mark with them, and does not say so.

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::container::ContainerSpec;

/// Runs what stands after it, writes the mark behind its output, and ends as it ended. No text of a user
/// is part of it: the mark is `$0`, the program and its options are the arguments.
const SCRIPT: &str = r#""$@"; code=$?; printf %s "$0"; exit "$code""#;

/// What a shell says of a program that it does not find.
pub(super) const NO_SUCH_PROGRAM: i64 = 127;

/// The mark of one container.
pub(super) struct Trailer(String);

/// The output ended without its mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CutShort;

impl Trailer {
    /// One that no output can hold by chance.
    pub(super) fn new() -> Self {
        Self(format!("odooops-end-{}", Uuid::new_v4()))
    }

    /// The same container, whose program writes the mark at the end.
    pub(super) fn wrap(&self, spec: ContainerSpec) -> ContainerSpec {
        let program = spec.entrypoint.into_iter().chain(spec.command).flatten();
        let command = [self.0.clone()].into_iter().chain(program).collect();
        let entrypoint = ["/bin/sh", "-c", SCRIPT].map(str::to_owned).to_vec();
        ContainerSpec { entrypoint: Some(entrypoint), command: Some(command), ..spec }
    }

    /// Reads an output that is to end with the mark.
    pub(super) fn reader(&self) -> TrailerReader {
        TrailerReader { trailer: Bytes::from(self.0.clone()), held: BytesMut::new() }
    }
}

/// Gives bytes on and holds back as many as the mark has.
pub(super) struct TrailerReader {
    trailer: Bytes,
    held: BytesMut,
}

impl TrailerReader {
    /// Takes bytes and gives those that cannot belong to the mark.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Bytes {
        self.held.extend_from_slice(bytes);
        let free = self.held.len().saturating_sub(self.trailer.len());
        self.held.split_to(free).freeze()
    }

    /// The end: the mark is there, or bytes are missing.
    pub(super) fn finish(&self) -> Result<(), CutShort> {
        if self.held == self.trailer { Ok(()) } else { Err(CutShort) }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::action::program::tests::spec_of;

    /// What arrives of `bytes` in pieces of `size`.
    fn read(trailer: &Trailer, bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), CutShort>) {
        let mut reader = trailer.reader();
        let read = bytes.chunks(size).flat_map(|piece| reader.push(piece)).collect();
        (read, reader.finish())
    }

    #[test]
    fn the_mark_is_taken_off_however_the_bytes_are_split() {
        let trailer = Trailer::new();
        let bytes = [b"the dump", trailer.0.as_bytes()].concat();
        for size in 1..=bytes.len() {
            assert_eq!(read(&trailer, &bytes, size), (b"the dump".to_vec(), Ok(())), "{size}");
        }
        assert_eq!(read(&trailer, trailer.0.as_bytes(), 7), (Vec::new(), Ok(())));
    }

    #[test]
    fn an_output_that_lacks_its_last_bytes_is_cut_short() {
        let trailer = Trailer::new();
        let bytes = [b"the dump", trailer.0.as_bytes()].concat();
        for missing in 1..=bytes.len() {
            let (_, end) = read(&trailer, &bytes[..bytes.len() - missing], 5);
            assert_eq!(end, Err(CutShort), "{missing}");
        }
        let other = [b"the dump", Trailer::new().0.as_bytes()].concat();
        assert_eq!(read(&trailer, &other, 5).1, Err(CutShort), "the mark of another run");
        let more = [&bytes[..], b"x"].concat();
        assert_eq!(read(&trailer, &more, 5).1, Err(CutShort));
    }

    #[test]
    fn the_script_writes_the_mark_and_ends_as_the_program_did() {
        for (program, output, code) in [
            (vec!["printf", "%s", "a  'b\"$c"], "a  'b\"$c", 0),
            (vec!["sh", "-c", "printf half; exit 3"], "half", 3),
            (vec!["odooops-has-no-such-program"], "", 127),
        ] {
            let trailer = Trailer::new();
            let wrapped = trailer.wrap(spec_of(program[0], &program[1..]));
            let argv: Vec<String> = wrapped.entrypoint.into_iter().chain(wrapped.command).flatten().collect();
            let ran = Command::new(&argv[0]).args(&argv[1..]).output().expect("a shell");
            assert_eq!(ran.status.code(), Some(code), "{program:?}");
            assert_eq!(read(&trailer, &ran.stdout, 3), (output.as_bytes().to_vec(), Ok(())), "{program:?}");
        }
    }
}
