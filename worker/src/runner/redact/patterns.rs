//! Every spelling in which a secret may turn up in output.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::SecretString;
use url::form_urlencoded::byte_serialize;

use super::MIN_SECRET_BYTES;

/// RFC 3986: everything but the unreserved characters (Python's `quote(safe="")`).
const STRICT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// JavaScript's `encodeURIComponent`.
const COMPONENT: AsciiSet = STRICT.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// A path with its slashes (Python's `quote`).
const PATH: AsciiSet = STRICT.remove(b'/');
/// WHATWG URL: user and password.
const USERINFO: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'|');

/// Adds every spelling of a secret.
pub(super) fn spell(secret: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    let unix = secret.replace("\r\n", "\n");
    let dos = unix.replace('\n', "\r\n");
    for whole in BTreeSet::from([secret, &unix, &dos]) {
        patterns.insert(whole.as_bytes().to_vec());
        spell_base64(whole.as_bytes(), patterns);
        spell_urls(whole, patterns);
        spell_json(whole, patterns);
        patterns.insert(hex::encode(whole).into_bytes());
        patterns.insert(hex::encode_upper(whole).into_bytes());
    }
    let lines = unix.split('\n').map(str::trim).filter(|line| line.len() >= MIN_SECRET_BYTES);
    patterns.extend(lines.map(|line| line.as_bytes().to_vec()));
}

/// Base64 of whatever the secret stands in: its place there modulo three shifts the bits. The characters at
/// the edges that mix its bits with its neighbours' (at most 4 of a byte's bits) are not part of the pattern,
/// except at the end of the data, where they are known.
fn spell_base64(secret: &[u8], patterns: &mut BTreeSet<Vec<u8>>) {
    for shift in 0..3 {
        let mut data = vec![0_u8; shift];
        data.extend_from_slice(secret);
        let skipped = (shift * 8).div_ceil(6);
        let whole_sextets = data.len() * 8 / 6;
        let padding = "=".repeat((3 - data.len() % 3) % 3);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&data);
            let at_the_end = &encoded[skipped..];
            patterns.insert(encoded.as_bytes()[skipped..whole_sextets].to_vec());
            patterns.insert(at_the_end.as_bytes().to_vec());
            patterns.insert(format!("{at_the_end}{padding}").into_bytes());
        }
    }
}

fn spell_urls(secret: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    let form: String = byte_serialize(secret.as_bytes()).collect();
    let mut spellings = vec![form];
    for set in [&STRICT, &COMPONENT, &PATH, &USERINFO] {
        spellings.push(utf8_percent_encode(secret, set).to_string());
    }
    for spelling in spellings {
        patterns.insert(lower_escapes(&spelling).into_bytes());
        patterns.insert(spelling.into_bytes());
    }
}

/// `%2F` → `%2f`. A `%` in percent-encoded text always begins an escape.
fn lower_escapes(encoded: &str) -> String {
    let mut digits_left = 0;
    let lower = |character: char| match (character, digits_left) {
        ('%', _) => {
            digits_left = 2;
            character
        }
        (_, 0) => character,
        _ => {
            digits_left -= 1;
            character.to_ascii_lowercase()
        }
    };
    encoded.chars().map(lower).collect()
}

/// JSON as most write it, with `\/` (PHP), with `\u003c` for `<>&` (Go), in ASCII (Python), and JSON within JSON.
fn spell_json(secret: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    let plain = json_escape(secret);
    let slashed = plain.replace('/', "\\/");
    let html = plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let ascii = ascii_escape(&plain);
    let nested = json_escape(&plain);
    patterns.extend([plain, slashed, html, ascii, nested].map(String::into_bytes));
}

fn json_escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_escape(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// The passwords in a configured URL or Postgres connection string: each as it is written there and as it is
/// meant (`p%40ss` and `p@ss`). Looks at the text itself, so it finds them also where the URL is malformed.
#[must_use]
pub fn url_passwords(url: &str) -> Vec<SecretString> {
    let mut written: Vec<&str> = Vec::new();
    if let Some((_, rest)) = url.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        written.extend(userinfo.and_then(|userinfo| userinfo.split_once(':')).map(|(_, password)| password));
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        written.extend(query.split('&').filter_map(|pair| pair.strip_prefix("password=")));
    } else if let Some((_, rest)) = url.split_once("password=") {
        written.push(match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
            None => rest.split_whitespace().next().unwrap_or_default(),
        });
    }
    let mut passwords = BTreeSet::new();
    for password in written.into_iter().filter(|password| !password.is_empty()) {
        passwords.insert(password.to_owned());
        passwords.insert(percent_decode_str(password).decode_utf8_lossy().into_owned());
    }
    passwords.into_iter().map(SecretString::from).collect()
}
