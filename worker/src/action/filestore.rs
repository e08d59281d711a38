//! Odoo's filestore: names of its files, and a tar stream of it read on the way to the store.
//!
//! A file's name is the SHA-1 of its content (`odoo/addons/base/models/ir_attachment.py`), so a copy
//! can be checked without the original.

use std::collections::BTreeSet;

use sha1::{Digest, Sha1};

/// Size of a block in a tar archive.
const BLOCK: usize = 512;

/// Name of a file in the filestore: `ab/abcdef…`, 40 hex digits of SHA-1 below their first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct StoreName([u8; 20]);

impl StoreName {
    /// Reads a `store_fname`; `None` for what is no file of a filestore (`s3://…`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (folder, name) = text.split_once('/')?;
        let digits = name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || folder.len() != 2 || !name.starts_with(folder) {
            return None;
        }
        let mut sha1 = [0; 20];
        hex::decode_to_slice(name, &mut sha1).ok()?;
        Some(Self(sha1))
    }
}

impl std::fmt::Display for StoreName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = hex::encode(self.0);
        write!(f, "{}/{name}", &name[..2])
    }
}

/// What was in an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ArchiveFacts {
    /// Files of the filestore.
    pub(super) files: BTreeSet<StoreName>,
    /// Bytes in them.
    pub(super) bytes: u64,
    /// Those whose content does not have the SHA-1 that their name says.
    pub(super) corrupt: BTreeSet<StoreName>,
}

/// Reads a tar archive as it passes by.
#[derive(Default)]
pub(super) struct ArchiveReader {
    facts: ArchiveFacts,
    header: Vec<u8>,
    /// Bytes left of the present member's content, and of the padding after it.
    content: u64,
    padding: u64,
    member: Option<(StoreName, Sha1)>,
    ended: bool,
}

/// The stream is no tar archive that we can follow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filestore's archive cannot be read: {0}")]
pub(super) struct BadArchive(&'static str);

impl ArchiveReader {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), BadArchive> {
        while !bytes.is_empty() && !self.ended {
            if self.content > 0 {
                let taken = clamp(self.content, bytes.len());
                if let Some((_, sha1)) = &mut self.member {
                    sha1.update(&bytes[..taken]);
                }
                self.content -= taken as u64;
                bytes = &bytes[taken..];
                if self.content == 0 {
                    self.end_member();
                }
            } else if self.padding > 0 {
                let taken = clamp(self.padding, bytes.len());
                self.padding -= taken as u64;
                bytes = &bytes[taken..];
            } else {
                let taken = clamp((BLOCK - self.header.len()) as u64, bytes.len());
                self.header.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if self.header.len() == BLOCK {
                    self.start_member()?;
                }
            }
        }
        Ok(())
    }

    /// The stream has ended; it must have ended with an empty block.
    pub(super) fn finish(self) -> Result<ArchiveFacts, BadArchive> {
        if self.ended { Ok(self.facts) } else { Err(BadArchive("it breaks off")) }
    }

    fn start_member(&mut self) -> Result<(), BadArchive> {
        let block = std::mem::take(&mut self.header);
        if block.iter().all(|byte| *byte == 0) {
            self.ended = true;
            return Ok(());
        }
        let header = tar::Header::from_byte_slice(&block);
        self.content = header.entry_size().map_err(|_| BadArchive("a member has no size"))?;
        self.padding = self.content.next_multiple_of(BLOCK as u64) - self.content;
        let path = header.path_bytes();
        let name = std::str::from_utf8(&path)
            .ok()
            .and_then(|path| StoreName::parse(path.strip_prefix("./").unwrap_or(path)));
        if let Some(name) = name.filter(|_| header.entry_type().is_file()) {
            self.facts.bytes += self.content;
            self.member = Some((name, Sha1::new()));
            if self.content == 0 {
                self.end_member();
            }
        }
        Ok(())
    }

    fn end_member(&mut self) {
        if let Some((name, sha1)) = self.member.take() {
            if sha1.finalize().as_slice() != name.0 {
                self.facts.corrupt.insert(name);
            }
            self.facts.files.insert(name);
        }
    }
}

fn clamp(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name_of(content: &[u8]) -> StoreName {
        StoreName(Sha1::digest(content).into())
    }

    fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, content.as_slice()).expect("in memory");
        }
        tar.into_inner().expect("in memory")
    }

    fn read(bytes: &[u8], part: usize) -> Result<ArchiveFacts, BadArchive> {
        let mut reader = ArchiveReader::default();
        for part in bytes.chunks(part) {
            reader.push(part)?;
        }
        reader.finish()
    }

    #[test]
    fn only_names_of_a_filestore_are_read() {
        let name = "0a4d55a8d778e5022fab701977c5d840bbc486d0";
        let good = format!("0a/{name}");
        assert_eq!(StoreName::parse(&good).map(|name| name.to_string()), Some(good));
        for text in
            [name, "s3://bucket/x", "0b/0a4d", &format!("ff/{name}"), &format!("0A/{}", name.to_uppercase())]
        {
            assert_eq!(StoreName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn corrupt_files_are_named() {
        let good = name_of(b"good");
        let bad = name_of(b"expected");
        let facts =
            read(&archive(&[(good.to_string(), b"good".to_vec()), (bad.to_string(), b"other".to_vec())]), 7)
                .expect("an archive");
        assert_eq!(facts.files, BTreeSet::from([good, bad]));
        assert_eq!(facts.corrupt, BTreeSet::from([bad]));
        assert_eq!(facts.bytes, 9);
    }

    #[test]
    fn an_archive_that_breaks_off_is_an_error() {
        let whole = archive(&[(name_of(b"a").to_string(), b"a".to_vec())]);
        assert_eq!(read(&whole[..700], 100), Err(BadArchive("it breaks off")));
        assert_eq!(read(&[], 1), Err(BadArchive("it breaks off")));
    }

    proptest! {
        #[test]
        fn the_same_files_are_found_whatever_the_reads(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 0..5),
            part in 1_usize..2000,
        ) {
            let files: Vec<(String, Vec<u8>)> = contents
                .iter()
                .map(|content| (format!("./{}", name_of(content)), content.clone()))
                .chain([("checklist/ab/abc".to_owned(), vec![1; 600])])
                .collect();
            let facts = read(&archive(&files), part).expect("an archive");
            let expected: BTreeSet<StoreName> = contents.iter().map(|content| name_of(content)).collect();
            prop_assert_eq!(facts.files, expected);
            prop_assert!(facts.corrupt.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read(&bytes, 64);
        }
    }
}
