//! What goes into a step's container before it starts and what is read back after it: `/workspace`,
//! `/odooops/input.json`, `/odooops/output.json`.

use std::io::Read as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use crate::action::{Fault, WORKSPACE};
use crate::container::{ByteReader, ContainerError, Containers};

/// The most that a step may give out.
const MAX_OUTPUT_BYTES: usize = 1024 * 1024;
/// A tar archive is made of blocks of this size; a small file needs a header and padding.
const TAR_ROOM_BYTES: usize = 16 * 1024;
/// How long the engine may take to hand a small file over.
const FILE_LIMIT: Duration = Duration::from_secs(60);
/// Where a step writes what it gives out.
const OUTPUT_PATH: &str = "/odooops/output.json";

/// Puts the input file and an empty output file into a container that was not started yet, and opens the
/// workspace to whatever user the image runs as.
pub(super) async fn upload(
    engine: &dyn Containers,
    id: &str,
    input: &Map<String, Value>,
) -> Result<(), ContainerError> {
    let archive = archive(input)
        .map_err(|error| ContainerError::Engine(format!("the step's input cannot be packed: {error}")))?;
    let reader: ByteReader = Box::pin(std::io::Cursor::new(archive));
    engine.upload(id, "/", reader).await
}

/// Modes are open: a step may run as any user, and it is the only one who sees these files.
fn archive(input: &Map<String, Value>) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    folder(&mut tar, WORKSPACE.trim_start_matches('/'))?;
    folder(&mut tar, "odooops")?;
    file(&mut tar, "odooops/input.json", &serde_json::to_vec(input)?, 0o444)?;
    file(&mut tar, "odooops/output.json", b"", 0o666)?;
    tar.into_inner()
}

fn folder(tar: &mut tar::Builder<Vec<u8>>, path: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o777);
    header.set_size(0);
    tar.append_data(&mut header, format!("{path}/"), std::io::empty())
}

fn file(tar: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}

/// What the step wrote to `/odooops/output.json`: nothing, or a JSON object.
pub(super) async fn download_output(
    engine: &dyn Containers,
    id: &str,
    step: &str,
) -> Result<Map<String, Value>, Fault> {
    match tokio::time::timeout(FILE_LIMIT, read_small(engine, id)).await {
        Ok(Ok(Archive::Whole(archive))) => parse_output(&archive, step),
        Ok(Ok(Archive::TooLarge)) => {
            Err(wrong_output(step, "is larger than 1 MiB; store large data as an artifact"))
        }
        Ok(Err(ContainerError::NotFound(_))) => Ok(Map::new()),
        Ok(Err(error)) => Err(Fault::from(&error)),
        Err(_elapsed) => {
            Err(Fault::Infra(format!("step {step}: the engine did not hand {OUTPUT_PATH} over in time")))
        }
    }
}

enum Archive {
    Whole(Vec<u8>),
    TooLarge,
}

async fn read_small(engine: &dyn Containers, id: &str) -> Result<Archive, ContainerError> {
    let mut stream = engine.download(id, OUTPUT_PATH).await?;
    let mut archive = Vec::new();
    while let Some(bytes) = stream.next().await {
        archive.extend_from_slice(&bytes?);
        if archive.len() > MAX_OUTPUT_BYTES + TAR_ROOM_BYTES {
            return Ok(Archive::TooLarge);
        }
    }
    Ok(Archive::Whole(archive))
}

fn parse_output(archive: &[u8], step: &str) -> Result<Map<String, Value>, Fault> {
    let mut bytes = Vec::new();
    let unreadable = |error: std::io::Error| {
        Fault::Infra(format!("step {step}: the engine's archive of {OUTPUT_PATH} cannot be read: {error}"))
    };
    for entry in tar::Archive::new(archive).entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        if !entry.header().entry_type().is_file() {
            return Err(wrong_output(step, "is not a regular file"));
        }
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(outputs)) if holds_nul(&outputs) => {
            Err(wrong_output(step, "holds the character \\u0000, which the database cannot store"))
        }
        Ok(Value::Object(outputs)) => Ok(outputs),
        Ok(_) => Err(wrong_output(step, "is JSON but not an object; write {\"name\": value}")),
        Err(error) => Err(wrong_output(step, &format!("is not JSON: {error}"))),
    }
}

fn holds_nul(map: &Map<String, Value>) -> bool {
    map.iter().any(|(key, value)| key.contains('\0') || value_holds_nul(value))
}

fn value_holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(value_holds_nul),
        Value::Object(map) => holds_nul(map),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn wrong_output(step: &str, problem: &str) -> Fault {
    Fault::User { exit_code: 1, message: format!("step {step}: {OUTPUT_PATH} {problem}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        file(&mut tar, "output.json", bytes, 0o644).expect("packs");
        tar.into_inner().expect("ends")
    }

    #[test]
    fn the_archive_has_open_modes_whatever_the_user_of_the_image() {
        let input = serde_json::from_str(r#"{"modules": ["sale"]}"#).expect("an object");
        let bytes = archive(&input).expect("packs");
        let found: Vec<(String, u32)> = tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("entries")
            .map(|entry| {
                let entry = entry.expect("entry");
                (entry.path().expect("path").display().to_string(), entry.header().mode().expect("mode"))
            })
            .collect();
        let expected = [
            ("workspace/", 0o777),
            ("odooops/", 0o777),
            ("odooops/input.json", 0o444),
            ("odooops/output.json", 0o666),
        ];
        assert_eq!(found, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    #[test]
    fn outputs_are_an_object_or_nothing() {
        assert_eq!(parse_output(&packed(b""), "s"), Ok(Map::new()));
        assert_eq!(parse_output(&packed(b"{\"a\":1}"), "s").expect("read")["a"], 1);
        let nul = [&br#"{"a":"\u0000"}"#[..], br#"{"\u0000":1}"#, br#"{"a":[{"b":"x\u0000"}]}"#];
        for bad in [&b"[1]"[..], b"{", b"a=1"].into_iter().chain(nul) {
            let fault = parse_output(&packed(bad), "s").expect_err("refused");
            assert!(matches!(fault, Fault::User { .. }), "{fault:?}");
        }
    }
}
