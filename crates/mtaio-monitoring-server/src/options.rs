//! Where the server listens, and whom it answers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::profiler::Recorder;
use mtaio_monitoring::{MonitoringError, Profiler, error::Result};

/// Characters of a token: fewer can be tried out, more are a mistake.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// Seconds that a client may take to send the head of its request.
const PATIENCE_SECONDS: f64 = 5.0;

/// Settings of a [`Server`](crate::Server): by default the loopback, a port that is free, and no token.
///
/// ```
/// use mtaio_monitoring_server::Options;
///
/// let options = Options::default().with_host("0.0.0.0")?.with_token("correct horse battery".replace(' ', "-"))?;
/// assert!(!format!("{options:?}").contains("horse"), "a token is shown nowhere");
/// # Ok::<(), mtaio_monitoring::MonitoringError>(())
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) token: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            token: None,
            names: vec!["localhost".to_owned()],
            recorder: None,
            patience: Duration::from_secs_f64(PATIENCE_SECONDS),
        }
    }
}

impl Options {
    /// The address to listen on: an IP address, or `localhost`. By default 127.0.0.1.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for anything else: a name may lead anywhere.
    pub fn with_host(mut self, host: &str) -> Result<Self> {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        self.host = match inner.parse() {
            Ok(address) => address,
            Err(_) if host.eq_ignore_ascii_case("localhost") => Ipv4Addr::LOCALHOST.into(),
            Err(_) => {
                return Err(MonitoringError::argument(
                    "host",
                    "an IP address or 'localhost'",
                    format_args!("{host:?}"),
                ));
            }
        };
        Ok(self)
    }

    /// The port to listen on; 0, the default, for one that is free.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What a client must send as `Authorization: Bearer …`. Without one, the server listens on the loopback only.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] unless it is 16 to 512 visible ASCII characters. The message does not show it.
    pub fn with_token(mut self, token: impl Into<String>) -> Result<Self> {
        let token = token.into();
        if !TOKEN_LENGTH.contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let given = format!("one of {} bytes that is not", token.len());
            return Err(MonitoringError::argument(
                "token",
                "16 to 512 visible ASCII characters without spaces, such as secrets.token_urlsafe() gives",
                given,
            ));
        }
        self.token = Some(token);
        Ok(self)
    }

    /// A further name that clients may ask for, in the `Host` header, without a port: `app` or `app.example`. IP addresses and
    /// `localhost` are answered anyway; any other name is refused, because whoever has a name can make it lead here.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for what is no name of a host.
    pub fn with_name(mut self, name: &str) -> Result<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(is_part) {
            return Err(MonitoringError::argument(
                "name",
                "the name of a host, without a port",
                format_args!("{name:?}"),
            ));
        }
        self.names.push(name.trim_end_matches('.').to_ascii_lowercase());
        Ok(self)
    }

    /// Whose profile is handed out at `/api/v1/profile`; of none by default, and where it is disabled.
    #[must_use]
    pub fn with_profiler(self, profiler: &Profiler) -> Self {
        self.with_recorder(profiler.recorder().cloned())
    }

    /// As [`Self::with_profiler`], for faces in other languages.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Option<Arc<Recorder>>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Seconds that a client may take to send the head of its request: 0.01 to 60, by default 5. It may take six times as
    /// long to take the answer.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside that range.
    pub fn with_patience_seconds(mut self, seconds: f64) -> Result<Self> {
        if !(0.01..=60.0).contains(&seconds) {
            return Err(MonitoringError::argument("patience_seconds", "a number from 0.01 to 60", seconds));
        }
        self.patience = Duration::from_secs_f64(seconds);
        Ok(self)
    }

    /// Refuses to be open to everybody.
    pub(crate) fn check(&self) -> Result<()> {
        if self.token.is_none() && !self.host.is_loopback() {
            return Err(MonitoringError::Configuration(format!(
                "host must be a loopback address (127.0.0.1, ::1) where there is no token, got {}: whoever reaches it \
                 could read everything; give a token, or listen on the loopback",
                self.host
            )));
        }
        Ok(())
    }
}

/// The token is shown nowhere.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("names", &self.names)
            .field("has_profiler", &self.recorder.is_some())
            .field("patience", &self.patience)
            .finish()
    }
}
