//! The words in which somebody says where and to whom a monitor is served.

use mtaio_monitoring::Profiler;
use mtaio_monitoring::error::Result;

use crate::monitored::Monitored;
use crate::options::Options;
use crate::server::Server;

/// A server that is yet to be started. See [`Monitored::serve`].
///
/// Nothing is checked before [`Self::start`]; [`Options`] says what each setting may be.
#[derive(Clone, Debug)]
#[must_use = "nothing is served before start()"]
pub struct Builder<M> {
    monitor: M,
    options: Result<Options>,
}

impl<M: Monitored> Builder<M> {
    pub(crate) fn new(monitor: M) -> Self {
        Self { monitor, options: Ok(Options::default()) }
    }

    fn with(mut self, change: impl FnOnce(Options) -> Result<Options>) -> Self {
        // The first fault is the one that is told.
        self.options = self.options.and_then(change);
        self
    }

    /// The address to listen on, by default 127.0.0.1: see [`Options::with_host`].
    pub fn host(self, host: &str) -> Self {
        self.with(|options| options.with_host(host))
    }

    /// The port to listen on; 0, the default, for one that is free.
    pub fn port(self, port: u16) -> Self {
        self.with(|options| Ok(options.with_port(port)))
    }

    /// What a client must send as `Authorization: Bearer …`: see [`Options::with_token`].
    pub fn token(self, token: impl Into<String>) -> Self {
        self.with(|options| options.with_token(token))
    }

    /// A further name that clients may ask for: see [`Options::with_name`].
    pub fn name(self, name: &str) -> Self {
        self.with(|options| options.with_name(name))
    }

    /// Whose profile is handed out: see [`Options::with_profiler`].
    pub fn profiler(self, profiler: &Profiler) -> Self {
        self.with(|options| Ok(options.with_profiler(profiler)))
    }

    /// Seconds that a client may take to send the head of its request: see [`Options::with_patience_seconds`].
    pub fn patience_seconds(self, seconds: f64) -> Self {
        self.with(|options| options.with_patience_seconds(seconds))
    }

    /// Starts it: see [`Server::start`].
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`](mtaio_monitoring::MonitoringError::Configuration) for a setting outside its
    /// range, and what [`Server::start`] refuses.
    pub fn start(self) -> Result<Server> {
        Server::start(self.monitor, &self.options?)
    }
}
