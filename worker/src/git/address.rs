//! Repository URLs: which are allowed, and how they are shown. Pure.

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::{Credentials, GitError};

/// A way to fetch that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `https://`
    Https,
    /// `http://`, readable and changeable by anyone on the way.
    Http,
    /// `ssh://` and `git@host:path`
    Ssh,
    /// `file://`: repositories on the worker's own disk.
    File,
}

impl Protocol {
    /// The name that git knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// A repository URL that may be handed to git.
#[derive(Debug, Clone)]
pub struct Address {
    /// The URL without user and password.
    pub url: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// `https://host:port`, where a password may be sent to.
    pub origin: String,
    /// User and password that stood in the URL.
    pub credentials: Option<Credentials>,
}

impl Address {
    /// Judges `url` by the allowed protocols.
    pub fn parse(url: &str, allowed: &[Protocol]) -> Result<Self, GitError> {
        let refused =
            |why: &str| GitError::Refused(format!("repository URL {:?}: {why}", without_password(url)));
        if url.is_empty() {
            return Err(refused("it is empty; give the project a repo_url"));
        }
        if url.starts_with('-') || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(refused("it starts with - or has blanks or control characters"));
        }
        let address = if !url.contains("://") && is_scp_like(url) {
            Self { url: url.to_owned(), protocol: Protocol::Ssh, origin: String::new(), credentials: None }
        } else {
            parse_url(url).map_err(|why| refused(&why))?
        };
        if allowed.contains(&address.protocol) {
            return Ok(address);
        }
        let names: Vec<_> = allowed.iter().map(|protocol| protocol.as_str()).collect();
        Err(refused(&format!(
            "{} is not allowed on this worker (allowed: {})",
            address.protocol.as_str(),
            names.join(", ")
        )))
    }
}

fn parse_url(raw: &str) -> Result<Address, String> {
    if raw.contains("::") && !raw.contains("://") {
        return Err("remote helpers (name::address) are never allowed".into());
    }
    let mut url = Url::parse(raw).map_err(|_| FORMS.to_owned())?;
    let protocol = match url.scheme() {
        "https" => Protocol::Https,
        "http" => Protocol::Http,
        "ssh" | "git+ssh" | "ssh+git" => Protocol::Ssh,
        "file" => Protocol::File,
        other => return Err(format!("{other} is no protocol for repositories; {FORMS}")),
    };
    match (protocol, url.host_str().unwrap_or_default()) {
        (Protocol::File, "") => {
            return Ok(Address { url: raw.to_owned(), protocol, origin: String::new(), credentials: None });
        }
        (Protocol::File, _) => return Err("a file URL has three slashes and an absolute path".into()),
        (_, "") => return Err(FORMS.into()),
        (_, host) if host.starts_with('-') => return Err("a host never starts with -".into()),
        _ => {}
    }
    if url.username().starts_with('-') || url.path().trim_start_matches('/').starts_with('-') {
        return Err("user and path never start with -".into());
    }
    let credentials = take_credentials(&mut url, protocol);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
    Ok(Address { url: url.into(), protocol, origin, credentials })
}

const FORMS: &str = "a repository is https://host/path, ssh://user@host/path, user@host:path or file:///path";

/// Moves user and password out of a URL; the user of an ssh URL is part of the address and stays.
fn take_credentials(url: &mut Url, protocol: Protocol) -> Option<Credentials> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (username, password) = (decode(url.username()), url.password().map(decode));
    // These fail only for URLs without a host, which were refused.
    let password_removed = url.set_password(None);
    let username_removed = match protocol {
        Protocol::Ssh => Ok(()),
        Protocol::Https | Protocol::Http | Protocol::File => url.set_username(""),
    };
    debug_assert!(password_removed.is_ok() && username_removed.is_ok());
    match (protocol, password) {
        (Protocol::Ssh | Protocol::File, _) => None,
        (_, Some(password)) => Some(Credentials { username, password: SecretString::from(password) }),
        // `https://token@host/…`: the token stands where the user would.
        (_, None) if !username.is_empty() => {
            Some(Credentials { username: username.clone(), password: SecretString::from(username) })
        }
        (_, None) => None,
    }
}

/// `user@host:path`, not looking like an option anywhere.
fn is_scp_like(url: &str) -> bool {
    let plain = |text: &str, extra: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || extra.contains(c))
    };
    url.split_once('@').is_some_and(|(user, rest)| {
        rest.split_once(':').is_some_and(|(host, path)| {
            plain(user, "") && plain(host, "") && plain(path, "/~+") && !path.contains("::")
        })
    })
}

/// The URL as it may be shown: whatever stands for user and password is `***`.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may hold a raw slash: everything up to the last @ is hidden.
    match rest.rfind('@') {
        Some(at) if scheme != "file" && (at < authority_end || rest[..at].contains(':')) => {
            format!("{scheme}://***{}", &rest[at..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ALL: [Protocol; 4] = [Protocol::Https, Protocol::Http, Protocol::Ssh, Protocol::File];

    #[test]
    fn ordinary_addresses_are_taken() {
        for (url, protocol) in [
            ("https://github.com/odoo/odoo.git", Protocol::Https),
            ("https://host:8443/a", Protocol::Https),
            ("http://host/a", Protocol::Http),
            ("ssh://git@host:2222/a/b.git", Protocol::Ssh),
            ("git@github.com:odoo/odoo.git", Protocol::Ssh),
            ("file:///srv/git/a.git", Protocol::File),
        ] {
            let address = Address::parse(url, &ALL).expect(url);
            assert_eq!((address.url.as_str(), address.protocol), (url, protocol));
        }
    }

    #[test]
    fn tricks_are_refused() {
        for url in [
            "",
            "--upload-pack=touch /tmp/x",
            "-u./x",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "fd::17",
            "ssh://-oProxyCommand=touch/x",
            "-oProxyCommand=x@host:a",
            "git@-oProxyCommand=x:a",
            "ssh://-x@host/a",
            "git@host:-x",
            "ssh://host/-x",
            "https://",
            "git://host/a",
            "ftp://host/a",
            "/srv/git/a",
            "../a",
            "a",
            "file://host/a",
            "https://host/a b",
            "https://host/a\nb",
            "https::https://host/a",
        ] {
            assert!(
                matches!(Address::parse(url, &ALL), Err(GitError::Refused(_))),
                "{url:?} must be refused"
            );
        }
    }

    #[test]
    fn protocols_that_are_not_allowed_are_refused() {
        let allowed = [Protocol::Https, Protocol::Ssh];
        for url in ["http://host/a", "file:///a"] {
            let error = Address::parse(url, &allowed).expect_err(url).to_string();
            assert!(error.contains("not allowed on this worker (allowed: https, ssh)"), "{error}");
        }
    }

    #[test]
    fn passwords_are_moved_out_of_the_url() {
        let address = Address::parse("https://me:p%40ss@host:81/a.git", &ALL).expect("a good URL");
        assert_eq!(
            (address.url.as_str(), address.origin.as_str()),
            ("https://host:81/a.git", "https://host:81")
        );
        let credentials = address.credentials.expect("user and password");
        assert_eq!((credentials.username.as_str(), credentials.password.expose_secret()), ("me", "p@ss"));
    }

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("https://me:secret@host/a", "https://***@host/a"),
            ("https://token@host/a", "https://***@host/a"),
            ("https://me:sec/ret@host/a", "https://***@host/a"),
            ("https://me:sec@ret@host/a", "https://***@host/a"),
            ("https://host/a@b", "https://host/a@b"),
            ("git@host:a", "git@host:a"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
