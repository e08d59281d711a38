//! Values as they may be shown. A URL is read by hand and strictly: what is not plainly a harmless part of
//! it is starred out, and where it is unclear which part is the host, all but the scheme.

use percent_encoding::percent_decode_str;

/// What stands for something that is not shown.
const HIDDEN: &str = "(hidden)";
/// What stands for a secret, or what may be one, inside a URL.
const STARS: &str = "***";
/// Parameters of a Postgres URL that are no secrets.
const PLAIN_PARAMETERS: [&str; 12] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "dbname",
    "sslmode",
    "sslrootcert",
    "application_name",
    "connect_timeout",
    "target_session_attrs",
    "channel_binding",
    "keepalives_idle",
];
/// Those that are.
const SECRET_PARAMETERS: [&str; 3] = ["password", "sslpassword", "passfile"];

/// Whether a value of a setting that may be secret is one, or may be: all but a URL that is shown whole.
pub(super) fn holds_secret(value: &str) -> bool {
    !value.trim().is_empty() && parts(value).is_none_or(|url| url.hides_something())
}

/// The value for people: a URL without its secrets; hidden where it may be a secret and is no URL.
pub(super) fn shown(value: &str, may_be_secret: bool) -> String {
    match parts(value) {
        Some(url) => url.text(),
        None if may_be_secret && !value.trim().is_empty() => HIDDEN.to_owned(),
        None => value.to_owned(),
    }
}

/// `host:port/name` of a Postgres URL, each only where it is plain.
pub(super) fn place_of_database(url: &str) -> String {
    let Some(Shown { login: _, host: Some(host), .. }) = parts(url) else { return HIDDEN.to_owned() };
    let Ok(parsed) = url::Url::parse(url.trim()) else { return HIDDEN.to_owned() };
    let queried = |key: &str| parsed.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
    let plain = |text: &str| if is_plain(text, "./-_,") { text.to_owned() } else { STARS.to_owned() };
    let (name, port) = host_and_port(host).unwrap_or((STARS, None));
    let name = match name {
        "" => queried("host").map_or_else(|| "localhost".to_owned(), |host| plain(&host)),
        name => name.to_owned(),
    };
    let port = port.map(str::to_owned).or_else(|| queried("port").map(|port| plain(&port)));
    let database = plain(parsed.path().trim_start_matches('/'));
    format!("{name}:{}/{database}", port.as_deref().unwrap_or("5432"))
}

/// A URL's parts as they may be shown.
struct Shown<'a> {
    scheme: &'a str,
    login: Part<'a>,
    /// With the port; `None` where it is unclear what the host is.
    host: Option<&'a str>,
    path: Part<'a>,
    query: Vec<Part<'a>>,
    has_fragment: bool,
}

enum Part<'a> {
    Missing,
    Whole(&'a str),
    /// The name stays, its value does not.
    Named(&'a str, char),
    Hidden,
}

impl Part<'_> {
    fn is_hidden(&self) -> bool {
        match self {
            Self::Missing | Self::Whole(_) => false,
            Self::Named(..) | Self::Hidden => true,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Whole(text) => (*text).to_owned(),
            Self::Named(name, mark) => format!("{name}{mark}{STARS}"),
            Self::Hidden => STARS.to_owned(),
        }
    }
}

impl Shown<'_> {
    fn hides_something(&self) -> bool {
        let parts = [&self.login, &self.path].into_iter().chain(&self.query);
        self.host.is_none() || self.has_fragment || parts.into_iter().any(Part::is_hidden)
    }

    fn text(&self) -> String {
        let Some(host) = self.host else { return format!("{}://{STARS}", self.scheme) };
        let login = match self.login {
            Part::Missing => String::new(),
            Part::Whole(_) | Part::Named(..) | Part::Hidden => format!("{}@", self.login.text()),
        };
        let path = match self.path {
            Part::Hidden => format!("/{STARS}"),
            Part::Missing | Part::Whole(_) | Part::Named(..) => self.path.text(),
        };
        let query: Vec<String> = self.query.iter().map(Part::text).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let fragment = if self.has_fragment { format!("#{STARS}") } else { String::new() };
        format!("{}://{login}{host}{path}{query}{fragment}", self.scheme)
    }
}

/// `None` for what is no URL with a place in it (`me:password@host` is none).
fn parts(value: &str) -> Option<Shown<'_>> {
    let (scheme, rest) = value.trim().split_once("://")?;
    if scheme.is_empty() || !is_plain(scheme, "+-.") {
        return None;
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let (before, fragment) = tail.split_once('#').unwrap_or((tail, ""));
    let (path, query) = before.split_once('?').unwrap_or((before, ""));
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (self::login(scheme, login), host),
        None => (Part::Missing, authority),
    };
    // An @ further on: a password with a raw slash, so that what looks like the host is part of the login.
    let is_clear = !percent_decode_str(tail).decode_utf8_lossy().contains('@');
    let is_file = scheme == "file" && !path.chars().any(char::is_control);
    Some(Shown {
        scheme,
        login,
        host: (is_clear && host_and_port(host).is_some()).then_some(host),
        path: match path {
            "" => Part::Missing,
            path if is_file || is_plain(path, "/._~+-") => Part::Whole(path),
            _ => Part::Hidden,
        },
        query: match query {
            "" => Vec::new(),
            query if is_postgres(scheme) => query.split('&').map(parameter).collect(),
            _ => vec![Part::Hidden],
        },
        has_fragment: !fragment.is_empty(),
    })
}

/// A user's name is shown where it is never a token: of Postgres and ssh.
fn login<'a>(scheme: &str, login: &'a str) -> Part<'a> {
    let (user, has_password) = login.split_once(':').map_or((login, false), |(user, _)| (user, true));
    let is_name = (is_postgres(scheme) || scheme == "ssh") && is_plain(user, "._-");
    match (is_name, has_password) {
        (true, false) => Part::Whole(user),
        (true, true) => Part::Named(user, ':'),
        (false, _) => Part::Hidden,
    }
}

fn parameter(pair: &str) -> Part<'_> {
    let Some((name, value)) = pair.split_once('=') else { return Part::Hidden };
    let lower = name.to_ascii_lowercase();
    if PLAIN_PARAMETERS.contains(&name) {
        return if is_plain(value, "/._,-") { Part::Whole(pair) } else { Part::Named(name, '=') };
    }
    if SECRET_PARAMETERS.contains(&&*lower) { Part::Named(name, '=') } else { Part::Hidden }
}

/// `None` where it is something else: a port that is no number is the password of a URL without its host.
fn host_and_port(host: &str) -> Option<(&str, Option<&str>)> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let is_address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = is_address.map_or_else(|| is_plain(name, ".-_"), |address| is_plain(address, ":."));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    (is_name && is_port).then_some((name, port))
}

fn is_postgres(scheme: &str) -> bool {
    matches!(scheme, "postgres" | "postgresql")
}

fn is_plain(text: &str, also: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

#[cfg(test)]
mod tests;
