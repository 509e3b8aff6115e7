//! What every request must be before it is answered, and what every answer says to a browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use crate::answers::refusal;
use crate::options::Options;

/// Nothing may be loaded, framed or sent anywhere, no page of another origin may read it, and nobody keeps it.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Who is answered.
#[derive(Debug)]
pub(crate) struct Guard {
    token: Option<String>,
    names: Vec<String>,
}

impl Guard {
    pub(crate) fn new(options: &Options) -> Self {
        Self { token: options.token.clone(), names: options.names.clone() }
    }

    /// Why a request is not answered.
    fn refuses(&self, request: &Request) -> Option<Response> {
        if let Err(why) = self.host(request) {
            return Some(refusal(StatusCode::FORBIDDEN, &why));
        }
        // A page elsewhere could not read the answer, but have it made, again and again. It may link here.
        let says = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
        let is_foreign = says("sec-fetch-site").is_some_and(|site| site != b"same-origin" && site != b"none");
        if is_foreign && says("sec-fetch-mode") != Some(b"navigate") {
            return Some(refusal(StatusCode::FORBIDDEN, "a page of another origin asks for this"));
        }
        // It says nothing that a closed port would not.
        if request.uri().path() != "/healthz" && !self.knows_token(request.headers()) {
            let why = "a token is needed: send the header Authorization: Bearer TOKEN, or in a browser give it as the password";
            let mut answer = refusal(StatusCode::UNAUTHORIZED, why);
            for scheme in ["Bearer", "Basic realm=\"mtaio-monitoring: the token as password\", charset=\"UTF-8\""]
            {
                answer.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
            return Some(answer);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer =
                refusal(StatusCode::METHOD_NOT_ALLOWED, "everything here is read: the methods are GET and HEAD");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        let headers = request.headers();
        let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
        if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0") {
            let mut answer = refusal(StatusCode::PAYLOAD_TOO_LARGE, "nothing here takes a body");
            // Not a byte of it is read.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return Some(answer);
        }
        None
    }

    /// Whether the client asks for a name that is ours. Who has a name can make it lead here, and then reads, as a page of that
    /// name, what a browser is told; nobody can do so with an address.
    fn host(&self, request: &Request) -> Result<(), String> {
        let mut given = request.headers().get_all(header::HOST).iter();
        let host = match (given.next(), given.next()) {
            (Some(one), None) => one.to_str().map_err(|_| "the header Host is no name".to_owned())?,
            (None, _) => return Err("the header Host is missing".to_owned()),
            (Some(_), Some(_)) => return Err("the header Host is there twice".to_owned()),
        };
        let in_target = request.uri().authority().map(axum::http::uri::Authority::as_str);
        for name in std::iter::once(host).chain(in_target) {
            if !self.is_ours(name) {
                // What was given is not repeated: it is foreign text.
                return Err(
                    "the header Host must be an IP address, localhost or a name that the server was given \
                            (DNS rebinding would come with another one)"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    fn is_ours(&self, authority: &str) -> bool {
        if let Some(rest) = authority.strip_prefix('[') {
            let Some((address, port)) = rest.split_once(']') else { return false };
            return matches!(address.parse(), Ok(IpAddr::V6(_))) && is_port(port);
        }
        let (name, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        is_port(port) && (matches!(name.parse(), Ok(IpAddr::V4(_))) || self.names.contains(&name))
    }

    fn knows_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else { return false };
        let given = given.as_bytes();
        // In constant time: how long it takes must not tell how much of it is right.
        let is_right = |credentials: &[u8]| bool::from(credentials.ct_eq(token.as_bytes()));
        if let Some(credentials) = after(given, b"Bearer ") {
            return is_right(credentials);
        }
        // A browser can send it in no other way with everything that a page asks for: the password, with any name.
        let Some(encoded) = after(given, b"Basic ") else { return false };
        let Ok(decoded) = BASE64_STANDARD.decode(encoded) else { return false };
        let password = decoded.iter().position(|byte| *byte == b':').map(|colon| &decoded[colon + 1..]);
        password.is_some_and(is_right)
    }
}

/// What follows the name of a scheme.
fn after<'a>(given: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = given.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Nothing, or a colon and a number.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Stands before every route, those that do not exist included.
pub(crate) async fn stand(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut answer = match guard.refuses(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        // A page of ours says itself what it may do.
        answer.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::Guard;
    use crate::Options;

    #[test]
    fn only_addresses_and_names_of_our_own_are_ours() {
        let guard = Guard::new(&Options::default().with_name("App.example.").expect("a name"));
        for ours in ["127.0.0.1", "127.0.0.1:80", "10.1.2.3:9", "[::1]", "[::1]:80", "localhost", "LOCALHOST.:1"] {
            assert!(guard.is_ours(ours), "{ours}");
        }
        assert!(guard.is_ours("app.example:80"));
        for foreign in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.1:80:80",
            "127.0.0.1:99999",
            "127.0.0.1:x",
            "[::1]x",
            "[::1",
            "[127.0.0.1]",
            "user@127.0.0.1",
            "app",
            ":80",
            "0x7f.1",
        ] {
            assert!(!guard.is_ours(foreign), "{foreign}");
        }
    }
}
