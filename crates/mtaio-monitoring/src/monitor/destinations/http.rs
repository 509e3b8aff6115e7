//! The transport of HTTP: ureq, one connection a call.
//!
//! Alerts are rare, and a connection that was kept is the one that the other side has closed in the meantime. Redirects
//! are not followed: a POST that is sent on may carry its credentials to somebody else.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use crate::clock::Clock;
use crate::error::{MonitoringError, Result};

use super::moment::retry_after;
use super::transport::{Answer, Transport};
use super::url::Url;

/// So much of an answer is read, and no more: it says nothing that the status does not.
const ANSWER_BYTES: u64 = 16 * 1024;
const HEADER_BYTES: usize = 32 * 1024;

/// Where to post to, and with which headers.
#[derive(Clone)]
pub(super) struct Http {
    url: Url,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let authorization = url.authorization().and_then(|value| HeaderValue::from_str(value).ok());
        if let Some(value) = authorization {
            headers.insert("authorization", value);
        }
        Self { url, headers }
    }

    pub(super) fn with_headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self> {
        for (name, value) in headers {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                let accepted = "names of letters, digits and -";
                return Err(MonitoringError::argument("headers", accepted, format_args!("{name:?}")));
            };
            let Ok(value) = HeaderValue::from_str(value) else {
                let given = format!("another for {name:?}");
                return Err(MonitoringError::argument("headers", "values of visible characters", given));
            };
            self.headers.insert(header, value);
        }
        Ok(self)
    }

    pub(super) fn open(&self) -> Box<dyn Transport> {
        let roots = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(roots)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_response_header_size(HEADER_BYTES)
            .max_idle_connections(0)
            .user_agent(concat!("mtaio-monitoring/", env!("CARGO_PKG_VERSION")))
            .build();
        Box::new(Connection { agent: Agent::new_with_config(config), http: self.clone() })
    }
}

struct Connection {
    agent: Agent,
    http: Http,
}

impl Transport for Connection {
    fn post(&mut self, body: &[u8], timeout: Duration) -> Answer {
        let mut request = self.agent.post(self.http.url.whole()).config().timeout_global(Some(timeout)).build();
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.http.headers.clone());
        }
        match request.send(body) {
            Ok(mut response) => {
                let status = response.status().as_u16();
                let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let wait = wait.and_then(|value| retry_after(value, epoch_seconds()));
                // A peer that is still writing should not find the connection gone. What goes wrong here changes nothing.
                let mut rest = response.body_mut().with_config().limit(ANSWER_BYTES).reader();
                let _answered_already = std::io::copy(&mut rest.by_ref().take(ANSWER_BYTES), &mut std::io::sink());
                of_status(status, wait)
            }
            Err(error) => Answer::Failed { why: words(&error, timeout), retry_after: None },
        }
    }
}

fn of_status(status: u16, retry_after: Option<Duration>) -> Answer {
    let why = format!("it answered {status}");
    match status {
        200..=299 => Answer::Taken,
        408 | 429 | 500..=599 => Answer::Failed { why, retry_after },
        300..=399 => Answer::Refused { why: format!("{why}, and redirects are not followed") },
        _ => Answer::Refused { why },
    }
}

fn epoch_seconds() -> f64 {
    Clock::system().now().realtime_ns as f64 / 1e9
}

/// What went wrong, without the address.
fn words(error: &Error, timeout: Duration) -> String {
    match error {
        Error::Timeout(_) => format!("it did not answer within {} s", timeout.as_secs_f64()),
        Error::Io(error) => format!("the connection failed: {error}"),
        Error::HostNotFound => "its host name was not found".to_owned(),
        Error::ConnectionFailed => "the connection failed".to_owned(),
        Error::Protocol(error) => format!("it does not speak HTTP: {error}"),
        Error::Tls(error) => format!("the connection could not be made secure: {error}"),
        Error::Rustls(error) => format!("the connection could not be made secure: {error}"),
        Error::InvalidProxyUrl | Error::ConnectProxyFailed(_) => {
            "the proxy of the environment cannot be used".to_owned()
        }
        Error::LargeResponseHeader(..) => format!("its answer has more than {HEADER_BYTES} bytes of headers"),
        _ => "the request failed".to_owned(),
    }
}

/// Checks a time-out.
pub(super) fn timeout(seconds: f64) -> Result<Duration> {
    if seconds > 0.0 && seconds <= 300.0 {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(MonitoringError::argument("timeout_seconds", "a number of seconds above 0 and up to 300", seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_answers_are_worth_another_attempt() {
        for (status, name) in [
            (200, "Taken"),
            (204, "Taken"),
            (299, "Taken"),
            (301, "Refused"),
            (308, "Refused"),
            (400, "Refused"),
            (404, "Refused"),
            (408, "Failed"),
            (429, "Failed"),
            (500, "Failed"),
            (503, "Failed"),
            (100, "Refused"),
            (600, "Refused"),
        ] {
            let answer = format!("{:?}", of_status(status, None));
            assert!(answer.starts_with(name), "{status}: {answer}");
        }
    }

    #[test]
    fn headers_that_cannot_be() {
        let http = || Http::new(Url::parse("url", "http://user:pass@host/").unwrap());
        assert!(http().with_headers([("X-Scope", "a b")]).is_ok());
        for (name, value) in [("", "x"), ("a b", "x"), ("ü", "x"), ("x", "secret\r\nother: 1")] {
            let error = http().with_headers([(name, value)]).map(drop).unwrap_err().to_string();
            assert!(error.starts_with("headers must be"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(http().headers["authorization"], "Basic dXNlcjpwYXNz");
    }
}
