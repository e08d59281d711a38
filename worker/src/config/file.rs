//! The configuration file: read once, judged whole, every problem with its line.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask::holds_secret;
use super::setting::Setting;
use super::{CONFIG_VARIABLE, ConfigError};

/// No configuration is longer.
const MAX_BYTES: u64 = 1024 * 1024;
/// A key is offered as the nearest known one from this likeness on.
const LIKENESS_MIN: f64 = 0.75;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileValue {
    pub(super) line: usize,
    /// As a flag would have it; the elements of a list joined.
    pub(super) text: String,
}

/// What is to be done with a file.
pub(super) enum Opened {
    /// Its values by the setting's key.
    Read(BTreeMap<String, FileValue>),
    /// There is none.
    Missing,
    /// This user may not read it.
    Forbidden,
}

/// Reads and judges a file. That it is missing or forbidden is the caller's to judge.
pub(super) fn read(path: &Path, settings: &[Setting]) -> Result<Opened, ConfigError> {
    let refused =
        |problem: String| ConfigError::invalid(CONFIG_VARIABLE, format!("{}: {problem}", path.display()));
    // Without this a FIFO that nobody writes to would be waited for.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match std::fs::File::options().read(true).custom_flags(no_wait).open(path) {
        Ok(file) => file,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Missing),
        Err(problem) if problem.kind() == std::io::ErrorKind::PermissionDenied => {
            return Ok(Opened::Forbidden);
        }
        Err(problem) => return Err(refused(problem.to_string())),
    };
    let meta = file.metadata().map_err(|problem| refused(problem.to_string()))?;
    if !meta.is_file() {
        return Err(refused("is no regular file".to_owned()));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|problem| refused(problem.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(refused(format!("is longer than {MAX_BYTES} bytes")));
    }
    let values = parse(&text, settings).map_err(|problems| {
        let problems = problems.into_iter().map(|(line, what)| format!("{}:{line}: {what}", path.display()));
        ConfigError::Listed(problems.collect::<Vec<_>>().join("\n"))
    })?;
    if meta.permissions().mode() & 0o004 != 0
        && let Some((key, line)) = first_secret(&values, settings)
    {
        return Err(ConfigError::Listed(format!(
            "{path}:{line}: {key} holds what may be a secret and everybody may read the file; run: chmod o-rwx {path}",
            path = path.display()
        )));
    }
    Ok(Opened::Read(values))
}

fn first_secret(values: &BTreeMap<String, FileValue>, settings: &[Setting]) -> Option<(String, usize)> {
    let secret = |setting: &Setting| {
        let value = values.get(&setting.key()).filter(|value| holds_secret(&value.text))?;
        setting.may_be_secret().then(|| (setting.key(), value.line))
    };
    settings.iter().find_map(secret)
}

/// A line and what is wrong there.
type Problem = (usize, String);

/// Values by key, or all that is wrong. No message repeats the file's text beyond keys: it may be secret.
fn parse(text: &str, settings: &[Setting]) -> Result<BTreeMap<String, FileValue>, Vec<Problem>> {
    let line = |span: Range<usize>| {
        text.as_bytes()[..span.start.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|problem| {
        vec![(problem.span().map_or(1, &line), format!("is no TOML: {}", problem.message()))]
    })?;
    let mut reader = Reader { settings, line: &line, values: BTreeMap::new(), problems: Vec::new() };
    reader.table(table.get_ref(), "");
    reader.problems.sort();
    if reader.problems.is_empty() { Ok(reader.values) } else { Err(reader.problems) }
}

struct Reader<'a> {
    settings: &'a [Setting],
    line: &'a dyn Fn(Range<usize>) -> usize,
    values: BTreeMap<String, FileValue>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table.iter() {
            let line = (self.line)(name.span());
            let key = format!("{prefix}{}", name.get_ref());
            let inner = format!("{key}.");
            let is_group = self.settings.iter().any(|setting| setting.key().starts_with(&inner));
            match (value.get_ref(), self.settings.iter().find(|setting| setting.key() == key)) {
                (DeValue::Table(table), None) if is_group => self.table(table, &inner),
                (_, None) if is_group => {
                    self.problems.push((line, format!("{key} is a table: write [{key}]")))
                }
                (DeValue::Table(_), None) => {
                    self.problems.push((line, unknown("table", &key, &self.tables())));
                }
                (_, None) => {
                    let known: Vec<String> = self.settings.iter().map(Setting::key).collect();
                    self.problems.push((line, unknown("key", &key, &known)));
                }
                (_, Some(setting)) => self.setting(setting, value, line),
            }
        }
    }

    fn tables(&self) -> Vec<String> {
        let keys = self.settings.iter().map(Setting::key);
        keys.filter_map(|key| Some(key.rsplit_once('.')?.0.to_owned())).collect()
    }

    fn setting(&mut self, setting: &Setting, value: &Spanned<DeValue<'_>>, line: usize) {
        let key = setting.key();
        let text = text_of(value.get_ref(), setting.delimiter());
        match text.and_then(|text| setting.check(&text).map(|()| text)) {
            Ok(text) => drop(self.values.insert(key, FileValue { line, text })),
            Err(problem) => self.problems.push((line, format!("{key}: {problem}"))),
        }
    }
}

/// A value as a flag would have it.
fn text_of(value: &DeValue<'_>, delimiter: Option<char>) -> Result<String, String> {
    match (value, delimiter) {
        (DeValue::Array(elements), Some(delimiter)) => {
            let elements = elements.iter().map(|element| scalar(element.get_ref()));
            let elements = elements.collect::<Result<Vec<_>, _>>()?;
            match elements.iter().find(|element| element.contains(delimiter)) {
                Some(_) => Err(format!("an element holds {delimiter:?}, which separates elements")),
                None => Ok(elements.join(&delimiter.to_string())),
            }
        }
        (value, _) => scalar(value),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Float(number) => Ok(number.as_str().replace('_', "")),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        DeValue::Integer(_) => Err("write the number with decimal digits".to_owned()),
        DeValue::Array(_) => Err("a list was given where one value is wanted".to_owned()),
        DeValue::Table(_) => Err("a table was given where one value is wanted".to_owned()),
        DeValue::Datetime(_) => Err("a date was given where text is wanted; put it in quotes".to_owned()),
    }
}

/// Names the nearest known one: of the same name in another table, else by likeness.
fn unknown(what: &str, key: &str, known: &[String]) -> String {
    let own = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness =
        |known: &str| strsim::jaro_winkler(key, known).max(strsim::jaro_winkler(&own(key), &own(known)));
    let known = known.iter().map(|known| (likeness(known), known));
    match known.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((like, nearest)) if like >= LIKENESS_MIN => {
            format!("unknown {what} {key}; the nearest known one is {nearest}")
        }
        Some(_) | None => format!("unknown {what} {key}; odooops config show lists the known keys"),
    }
}

#[cfg(test)]
mod tests;
