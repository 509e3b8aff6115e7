//! Requests to a server, and the words for what comes of them.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use mtaio_monitoring::export::writing::printable::fit;
use serde::de::DeserializeOwned;
use ureq::http::{HeaderValue, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, BodyReader, Error};

/// Bytes of an answer, and of its head.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
const MOST_HEAD_BYTES: usize = 32 * 1024;
/// How long an answer may take, all of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a stream may say nothing: a server that has nothing to tell says so every 15 s.
const SILENCE: Duration = Duration::from_secs(40);
/// Columns of an address in a message.
const ADDRESS: usize = 100;

/// Why nothing came of a request. Every message begins with the address.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No address of a server.
    Address(String),
    /// Nobody answered, or not in time.
    Away { address: String, why: String },
    /// It answered, and there is nothing.
    NotThere { address: String },
    /// It answered that it will not.
    Refused { address: String, why: String },
    /// It answered something that no server of ours does.
    Foreign { address: String, why: String },
    /// Of this machine.
    System(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(given) => write!(
                formatter,
                "an address such as http://127.0.0.1:8000/ is needed, without user, query and fragment, got {}",
                fit(given, ADDRESS)
            ),
            Self::NotThere { address } => {
                write!(formatter, "{}: what answers there is no server of mtaio", fit(address, ADDRESS))
            }
            Self::Away { address, why } | Self::Refused { address, why } => {
                write!(formatter, "{}: {why}", fit(address, ADDRESS))
            }
            Self::Foreign { address, why } => {
                write!(formatter, "{}: what answers there is no server of mtaio: {why}", fit(address, ADDRESS))
            }
            Self::System(error) => error.fmt(formatter),
        }
    }
}

/// A server and what it is sent.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    /// Ends with a slash.
    address: String,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// Nothing is asked yet. An address without a scheme is of HTTP.
    ///
    /// # Errors
    ///
    /// For what is no address, and for a token that cannot be sent.
    pub(crate) fn new(given: &str, token: Option<&str>) -> Result<Self, Trouble> {
        let whole = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
        let wrong = || Trouble::Address(given.to_owned());
        let uri: Uri = whole.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let is_plain = uri.query().is_none() && !whole.contains('#') && !authority.as_str().contains('@');
        if !matches!(uri.scheme_str(), Some("http" | "https")) || !is_plain || authority.host().is_empty() {
            return Err(wrong());
        }
        let authorization = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Trouble::Refused {
                address: whole.clone(),
                why: "the token must be of visible ASCII characters".to_owned(),
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let host = authority.host().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|host: std::net::IpAddr| host.is_loopback());
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .http_status_as_error(false)
            // A token is for whom it was given.
            .max_redirects(0)
            .max_response_header_size(MOST_HEAD_BYTES)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("mtaio-monitoring/", env!("CARGO_PKG_VERSION")));
        // The proxy of the environment cannot reach this machine's own addresses.
        let config = if is_here { config.proxy(None) } else { config }.build();
        let address = if whole.ends_with('/') { whole } else { whole + "/" };
        Ok(Self { agent: Agent::new_with_config(config), address, authorization: authorization.transpose()? })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What a path answers.
    pub(crate) fn bytes(&self, path: &str, accept: &str) -> Result<Vec<u8>, Trouble> {
        let body = self.ask(path, accept, Some(PATIENCE))?;
        let mut bytes = Vec::new();
        let read = body.take(MOST_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.away(Error::from(error)))?;
        if bytes.len() as u64 > MOST_BYTES {
            let why = format!("its answer has more than {} MiB", MOST_BYTES >> 20);
            return Err(Trouble::Refused { address: self.address.clone(), why });
        }
        Ok(bytes)
    }

    /// What a path answers, which is JSON of some kind.
    pub(crate) fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let bytes = self.bytes(path, "application/json")?;
        serde_json::from_slice(&bytes).map_err(|_| self.foreign("its answer is not as JSON should be".to_owned()))
    }

    /// A stream of events, for as long as there are any.
    pub(crate) fn stream(&self, path: &str) -> Result<BodyReader<'static>, Trouble> {
        self.ask(path, "text/event-stream", None)
    }

    fn ask(&self, path: &str, accept: &str, patience: Option<Duration>) -> Result<BodyReader<'static>, Trouble> {
        let mut request = self.agent.get(format!("{}{path}", self.address)).header("accept", accept);
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        let answer = request.config().timeout_global(patience).build().call().map_err(|error| self.away(error))?;
        let (head, body) = answer.into_parts();
        self.check(head.status, path)?;
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !accept
            .split(',')
            .any(|accepted| kind.starts_with(accepted.split(';').next().unwrap_or(accepted).trim()))
        {
            return Err(self.foreign(format!("it sends {}", fit(kind, 40))));
        }
        Ok(Body::into_with_config(body).limit(u64::MAX).reader())
    }

    fn check(&self, status: StatusCode, path: &str) -> Result<(), Trouble> {
        let address = self.address.clone();
        let refused = |why: &str| Err(Trouble::Refused { address: address.clone(), why: why.to_owned() });
        match status.as_u16() {
            200 => Ok(()),
            401 if self.authorization.is_none() => {
                refused("it asks for a token: set MTAIO_TOKEN, or give --token-file")
            }
            401 => refused("it does not take this token"),
            403 => refused(
                "it does not answer to this name of it: ask for its IP address, or have it given the name \
                 (`mtaio serve --name`, `monitor.serve(names=...)`)",
            ),
            404 => Err(Trouble::NotThere { address }),
            503 => Err(Trouble::Away {
                address,
                why: "it has no room for another client, or nothing to tell yet".to_owned(),
            }),
            300..=399 => {
                refused("it sends somewhere else, which is not followed: give the address of the server itself")
            }
            status => Err(self.foreign(format!("it answered {status} at {path}"))),
        }
    }

    fn foreign(&self, why: String) -> Trouble {
        Trouble::Foreign { address: self.address.clone(), why }
    }

    pub(super) fn away(&self, error: Error) -> Trouble {
        let why = match error {
            Error::Timeout(_) => "it does not answer in time".to_owned(),
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection was closed".to_owned()
            }
            Error::Io(error) => format!("the connection failed: {error}"),
            Error::HostNotFound => "there is no host of this name".to_owned(),
            Error::ConnectionFailed => "the connection failed".to_owned(),
            Error::Protocol(error) => return self.foreign(format!("it does not speak HTTP ({error})")),
            Error::LargeResponseHeader(..) => return self.foreign("its answer has a very long head".to_owned()),
            error => format!("the request failed: {error}"),
        };
        Trouble::Away { address: self.address.clone(), why }
    }
}
