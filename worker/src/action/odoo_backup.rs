//! `odoo/backup`: dump, then filestore, then a manifest; without the manifest it is no backup.
//!
//! Input or project setting: `database`; `image`, whose `pg_dump` is used. Result: `backup`
//! (URL of the manifest), `database`, `size_bytes`, `modules`, `attachments`, `corrupt` (of these). The
//! list of attachments is
//! of the very snapshot that is dumped; the filestore is copied after it, so that no file of the dump
//! can be too new for it. A file that Odoo deletes in between fails the backup by its name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::filestore::{ArchiveFacts, ArchiveReader, StoreName};
use super::image::find_image;
use super::odoo_db::{Address, DatabaseFacts, OdooDb};
use super::odoo_test::server_url;
use super::program::{self, store_output};
use crate::action::{Fault, Host, Level, Outputs, RunContext};
use crate::container::{ContainerSpec, ImageInfo, Mount, MountSource, NetworkMode};
use crate::store::Stored;

const DUMP_KEY: &str = "backup/database.dump";
const FILESTORE_KEY: &str = "backup/filestore.tar";
const MANIFEST_KEY: &str = "backup/manifest.json";
/// Version of the manifest's shape.
const FORMAT: u32 = 1;
/// Where Odoo's data folder is mounted, read-only.
const DATA_DIR: &str = "/odooops/odoo-data";
/// More missing or corrupt files than this are counted but not named.
const MAX_NAMED: usize = 5;
/// tar says 1 when a file changed while it was read; the check afterwards finds what matters of that.
const TAR_FILE_CHANGED: i64 = 1;

/// The step.
pub(super) async fn run(host: &dyn Host) -> Result<Outputs, Fault> {
    let run = host.run();
    let database = database_name(run)?;
    let url = server_url(run)?;
    let address = Address::for_containers(url)?;
    let image = run.odoo_image()?;
    let info = find_image(host, &image).await?;
    let db = OdooDb::connect(url, database).await?;
    let snapshot = db.export_snapshot().await?;
    let facts = db.facts().await?.ok_or_else(|| {
        Fault::Invalid(format!(
            "database {database:?} was never initialised by Odoo; there is nothing to back up"
        ))
    })?;
    let names = store_names(&facts)?;
    let data_dir = data_dir(run, &names)?;

    let dump = dump(host, &info, &address, database, &snapshot).await?;
    drop(db);
    let filestore = match data_dir {
        Some(source) if !names.is_empty() => {
            Some(copy_filestore(host, &info, source, database, &names).await?)
        }
        Some(_) | None => None,
    };
    let manifest = manifest(run, database, (&image, &info), &facts, &dump, filestore.as_ref());
    let bytes = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Fault::Infra(format!("the manifest cannot be written: {error}")))?;
    let stored =
        host.save_artifact(MANIFEST_KEY, "application/json", Box::pin(std::io::Cursor::new(bytes))).await?;
    let corrupt = filestore.as_ref().map_or(0, |(_, facts)| corrupt_of(&names, facts));
    if corrupt == 0 {
        host.log(Level::Info, &format!("backup of {database} is whole: {}", stored.url)).await?;
    } else {
        let text = format!(
            "backup of {database} has {corrupt} attachment(s) that differ from their checksum: {}",
            stored.url
        );
        host.log(Level::Warning, &text).await?;
    }
    let size = dump.size_bytes + filestore.as_ref().map_or(0, |(stored, _)| stored.size_bytes);
    Ok(Outputs::from_iter([
        ("backup".to_owned(), json!(stored.url)),
        ("database".to_owned(), json!(database)),
        ("size_bytes".to_owned(), json!(size)),
        ("modules".to_owned(), json!(facts.modules.len())),
        ("attachments".to_owned(), json!(names.len())),
        ("corrupt".to_owned(), json!(corrupt)),
    ]))
}

fn database_name(run: &RunContext) -> Result<&str, Fault> {
    let name = run.text("database")?.ok_or_else(|| {
        Fault::Invalid("no database is named; give database as input or in the project's settings".to_owned())
    })?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && starts && name.len() <= 63 {
        Ok(name)
    } else {
        Err(Fault::Invalid(format!(
            "database {name:?}: letters, digits, '_', '.' and '-' are allowed, at most 63, no '-' or '.' in front"
        )))
    }
}

fn store_names(facts: &DatabaseFacts) -> Result<BTreeSet<StoreName>, Fault> {
    let parse = |text: &String| {
        StoreName::parse(text).ok_or_else(|| {
            Fault::Invalid(format!("attachment {text:?} is not in a filestore; odoo/backup cannot copy it"))
        })
    };
    facts.store_fnames.iter().map(parse).collect()
}

fn data_dir(run: &RunContext, names: &BTreeSet<StoreName>) -> Result<Option<MountSource>, Fault> {
    let wrong = |problem: &str| Fault::Invalid(format!("ODOOOPS_ODOO_DATA {problem}"));
    match run.odoo.data_dir.as_deref() {
        None if names.is_empty() => Ok(None),
        None => Err(wrong(&format!(
            "is not set on this worker, but the database has {} files in Odoo's filestore; set it to volume:NAME or \
             to the folder that Odoo calls data_dir",
            names.len()
        ))),
        Some(text) => match text.strip_prefix("volume:") {
            Some("") => Err(wrong("names no volume")),
            Some(volume) => Ok(Some(MountSource::Volume(volume.to_owned()))),
            None if text.starts_with('/') => Ok(Some(MountSource::Host(text.to_owned()))),
            None => Err(wrong("must be volume:NAME or an absolute path")),
        },
    }
}

async fn dump(
    host: &dyn Host,
    image: &ImageInfo,
    address: &Address,
    database: &str,
    snapshot: &str,
) -> Result<Stored, Fault> {
    let run = host.run();
    let options = [
        "--format=custom",
        "--no-password",
        &format!("--snapshot={snapshot}"),
        &format!("--dbname={database}"),
    ];
    let mut spec = program::spec(run, image, "pg_dump", &options);
    spec.env = address.env();
    spec.network = NetworkMode::Named(host.run_network().await?);
    let ended = store_output(host, spec, DUMP_KEY, &[0], None).await?;
    match ended.stored {
        Some(stored) => Ok(stored),
        None => {
            // A server that is gone is no fault of the user.
            OdooDb::connect(server_url(run)?, database).await?;
            Err(Fault::user(ended.exit_code, format!("the dump of {database} failed: {}", ended.said)))
        }
    }
}

async fn copy_filestore(
    host: &dyn Host,
    image: &ImageInfo,
    source: MountSource,
    database: &str,
    names: &BTreeSet<StoreName>,
) -> Result<(Stored, ArchiveFacts), Fault> {
    let folder = format!("--directory={DATA_DIR}/filestore/{database}");
    let options = ["--create", "--file=-", "--format=gnu", &folder, "."];
    let mut spec = program::spec(host.run(), image, "tar", &options);
    spec.mounts = vec![Mount { source, target: DATA_DIR.to_owned(), read_only: true }];
    let (mut stored, mut facts) = read_filestore(host, spec.clone(), database).await?;
    if corrupt_of(names, &facts) > 0 {
        let text = "an attachment differs from its checksum, which may be one that was just being written; reading again";
        host.log(Level::Warning, text).await?;
        spec.name.push_str("-again");
        (stored, facts) = read_filestore(host, spec, database).await?;
    }
    let missing: Vec<String> = names.difference(&facts.files).map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Err(Fault::user(
            1,
            format!(
                "{} attachment file(s) of {database} are not in the filestore: {}; this is no backup",
                missing.len(),
                name_first(&missing)
            ),
        ));
    }
    let corrupt: Vec<String> = facts.corrupt.iter().map(ToString::to_string).collect();
    if !corrupt.is_empty() {
        let text = format!("{} file(s) differ from their checksum: {}", corrupt.len(), name_first(&corrupt));
        host.log(Level::Warning, &text).await?;
    }
    Ok((stored, facts))
}

async fn read_filestore(
    host: &dyn Host,
    spec: ContainerSpec,
    database: &str,
) -> Result<(Stored, ArchiveFacts), Fault> {
    let reader = ArchiveReader::default();
    let ended = store_output(host, spec, FILESTORE_KEY, &[0, TAR_FILE_CHANGED], Some(reader)).await?;
    match (ended.stored, ended.archive) {
        (Some(stored), Some(facts)) => Ok((stored, facts)),
        (Some(_) | None, Some(_) | None) => {
            let text = format!("the filestore of {database} cannot be read: {}", ended.said);
            Err(Fault::user(ended.exit_code, text))
        }
    }
}

/// How many files that the database needs do not have the content that their name says.
fn corrupt_of(names: &BTreeSet<StoreName>, facts: &ArchiveFacts) -> usize {
    names.intersection(&facts.corrupt).count()
}

fn name_first(names: &[String]) -> String {
    let more = if names.len() > MAX_NAMED { ", …" } else { "" };
    let first: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
    format!("{}{more}", first.join(", "))
}

fn manifest(
    run: &RunContext,
    database: &str,
    (image, info): (&str, &ImageInfo),
    facts: &DatabaseFacts,
    dump: &Stored,
    filestore: Option<&(Stored, ArchiveFacts)>,
) -> Value {
    let file = |stored: &Stored| json!({"url": stored.url, "size_bytes": stored.size_bytes, "sha256": stored.sha256});
    json!({
        "format": FORMAT,
        "made_by": format!("odooops {}", env!("CARGO_PKG_VERSION")),
        "instance": run.labels.instance,
        "project": run.project,
        "run_id": run.labels.run_id,
        "attempt": run.labels.attempt,
        "created_at": facts.now,
        "database": {
            "name": database,
            "uuid": facts.uuid,
            "server_version": facts.server_version,
            "dump": file(dump),
            "dump_format": "pg_dump custom",
        },
        "odoo": {
            "version": run.odoo_version,
            "base_version": facts.modules.get("base"),
            "modules": facts.modules,
            "image": image,
            "image_id": info.id,
        },
        "filestore": filestore.map(|(stored, archive)| json!({
            "archive": file(stored),
            "files": archive.files.len(),
            "bytes": archive.bytes,
            "corrupt": archive.corrupt.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        "attachments": facts.store_fnames.len(),
    })
}
