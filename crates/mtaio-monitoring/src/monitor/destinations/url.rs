//! Addresses, whose secrets stay in them.

use std::fmt;

use crate::error::{MonitoringError, Result};

const ACCEPTED: &str = "an address with a host, such as https://alerts.example.org:9093/path";

/// An address of HTTP, with the credentials apart. Shown, it is scheme, host and port: a user and a password are
/// secrets, and so, with the webhooks of chat services, are path and query.
#[derive(Clone)]
pub(super) struct Url {
    /// Without credentials.
    whole: String,
    shown: String,
    /// The value of the header `Authorization`.
    authorization: Option<String>,
}

impl Url {
    pub(super) fn parse(argument: &str, text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            // The text itself is not shown: what is wrong may be a slip in a password.
            Err(MonitoringError::argument(argument, ACCEPTED, what))
        };
        let Some((scheme, rest)) = text.split_once("://") else { return wrong("one without http:// or https://") };
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return wrong("one that does not begin with http:// or https://");
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let port = if host.ends_with(']') { None } else { host.rsplit_once(':').map(|(_, port)| port) };
        if host.is_empty() || host.starts_with(':') {
            return wrong("one without a host");
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return wrong("one whose port is not a number from 0 to 65535");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let shown = format!("{scheme}://{host}");
        let whole = format!("{shown}{slash}{path}");
        if whole.parse::<ureq::http::Uri>().is_err() {
            return wrong("one with a character that must be written as %XX");
        }
        let authorization = credentials.map(|credentials| {
            let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            let plain = [decoded(user), decoded(password)].join(&b':');
            format!("Basic {}", base64(&plain))
        });
        Ok(Self { whole, shown, authorization })
    }

    /// The same with more of a path.
    pub(super) fn below(mut self, path: &str) -> Self {
        let (before, query) = self.whole.split_at(self.whole.find('?').unwrap_or(self.whole.len()));
        self.whole = format!("{}{path}{query}", before.trim_end_matches('/'));
        self
    }

    pub(super) fn whole(&self) -> &str {
        &self.whole
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// `%41` → `A`; a `%` that begins nothing stays.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits =
            text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (bytes[at], digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_apart_and_not_shown() {
        let url = Url::parse("url", "HTTPS://us%40er:p%3Aw:x@[::1]:8443/services/T0/B1?token=abc#top").unwrap();
        assert_eq!(url.shown(), "https://[::1]:8443");
        assert_eq!(url.whole(), "https://[::1]:8443/services/T0/B1?token=abc");
        assert_eq!(url.authorization(), Some(&*format!("Basic {}", base64(b"us@er:p:w:x"))));
        assert_eq!(format!("{url:?}"), "https://[::1]:8443");
        assert_eq!(
            url.below("/api/v2/alerts").whole(),
            "https://[::1]:8443/services/T0/B1/api/v2/alerts?token=abc"
        );
        let plain = Url::parse("url", "http://alerts:9093").unwrap();
        assert_eq!((plain.whole(), plain.authorization()), ("http://alerts:9093/", None));
        assert_eq!(plain.below("/api/v2/alerts").whole(), "http://alerts:9093/api/v2/alerts");
    }

    #[test]
    fn what_is_no_address() {
        for wrong in [
            "",
            "alerts:9093",
            "ftp://alerts",
            "http://",
            "http://user:secret@",
            "http://:80/",
            "http://a b/",
            "http://host:secret/",
            "http://host:99999/",
            "http://host/\n",
            "https://secret@host/ü ü",
        ] {
            let error = Url::parse("url", wrong).unwrap_err().to_string();
            assert!(error.starts_with("url must be an address with a host"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
        assert_eq!(decoded("a%2Fb%zz%4"), b"a/b%zz%4");
    }
}
