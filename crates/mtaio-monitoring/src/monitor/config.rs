//! What a monitor is asked to do, checked once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, NANOS_PER_SECOND};
use crate::error::{MonitoringError, Result};
use crate::sampling::{self, Source};

/// What the unqualified numbers (`cpu_usage`, `memory_usage`) are shares of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Of what this process may use.
    #[default]
    Auto,
    /// Of the machine.
    Host,
}

impl Scope {
    /// The scope of this name.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for any name but `auto` and `host`.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "host" => Ok(Self::Host),
            _ => Err(MonitoringError::argument("scope", "'auto' or 'host'", format_args!("{name:?}"))),
        }
    }

    /// `"auto"` or `"host"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
        }
    }
}

type OpenSource = Arc<dyn Fn() -> Box<dyn Source> + Send + Sync>;

/// A monitor's settings, all of them sound.
#[derive(Clone)]
pub struct Config {
    interval_ns: u64,
    history_size: usize,
    scope: Scope,
    zfs_arc_available: bool,
    series_expiry_ns: u64,
    window_memory_bytes: usize,
    handler_timeout: Option<Duration>,
    open_source: OpenSource,
    clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_ns: NANOS_PER_SECOND,
            history_size: 3600,
            scope: Scope::Auto,
            zfs_arc_available: true,
            series_expiry_ns: 3_600 * NANOS_PER_SECOND,
            window_memory_bytes: 64 << 20,
            handler_timeout: Some(Duration::from_secs(30)),
            open_source: Arc::new(sampling::native),
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// The shortest and the longest interval, in seconds.
    pub const INTERVAL_SECONDS: (f64, f64) = (0.001, 86_400.0);
    /// The smallest and the largest history, in samples.
    pub const HISTORY_SIZE: (usize, usize) = (1, 10_000_000);
    /// The shortest and the longest time after which a series with labels expires, in seconds.
    pub const SERIES_EXPIRY_SECONDS: (f64, f64) = (1.0, 3.2e9);
    /// The least and the most memory for what windows are made of, in bytes.
    pub const WINDOW_MEMORY_BYTES: (usize, usize) = (0, 1 << 40);

    /// What [`Self::with_handler_timeout_seconds`] takes: above the first, up to the second.
    pub const HANDLER_TIMEOUT_SECONDS: (f64, f64) = (0.0, 86_400.0);

    /// Seconds between two samples.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside [`Self::INTERVAL_SECONDS`].
    pub fn with_interval_seconds(mut self, seconds: f64) -> Result<Self> {
        let (shortest, longest) = Self::INTERVAL_SECONDS;
        if !(shortest..=longest).contains(&seconds) {
            let accepted = format!("a finite number of seconds from {shortest} to {longest}");
            return Err(MonitoringError::argument("interval", &accepted, seconds));
        }
        self.interval_ns = (seconds * 1e9).round() as u64;
        Ok(self)
    }

    /// How many samples to keep.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside [`Self::HISTORY_SIZE`].
    pub fn with_history_size(mut self, samples: usize) -> Result<Self> {
        let (smallest, largest) = Self::HISTORY_SIZE;
        if !(smallest..=largest).contains(&samples) {
            let accepted = format!("a whole number of samples from {smallest} to {largest}");
            return Err(MonitoringError::argument("history_size", &accepted, samples));
        }
        self.history_size = samples;
        Ok(self)
    }

    /// What the unqualified numbers are shares of.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether what the cache of ZFS gives back counts as available memory, as other caches do; it does by default. If not,
    /// `memory_usage` is what the kernel makes of it, for which that cache is used memory.
    #[must_use]
    pub fn with_zfs_arc_available(mut self, available: bool) -> Self {
        self.zfs_arc_available = available;
        self
    }

    /// How long a series with labels stays that nobody records to and nobody holds a handle of; an hour by default.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside [`Self::SERIES_EXPIRY_SECONDS`].
    pub fn with_series_expiry_seconds(mut self, seconds: f64) -> Result<Self> {
        let (shortest, longest) = Self::SERIES_EXPIRY_SECONDS;
        if !(shortest..=longest).contains(&seconds) {
            let accepted = format!("a finite number of seconds from {shortest} to {longest}");
            return Err(MonitoringError::argument("series_expiry_seconds", &accepted, seconds));
        }
        self.series_expiry_ns = (seconds * 1e9).round() as u64;
        Ok(self)
    }

    /// How much memory may be taken by what recorded metrics did in each sample, which windows are made of; 64 MiB by
    /// default. Beyond it the oldest is let go, and counted in the health report. Most ticks of most series take 60 to 200
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside [`Self::WINDOW_MEMORY_BYTES`].
    pub fn with_window_memory_bytes(mut self, bytes: usize) -> Result<Self> {
        let (least, most) = Self::WINDOW_MEMORY_BYTES;
        if !(least..=most).contains(&bytes) {
            let accepted = format!("a whole number of bytes from {least} to {most}");
            return Err(MonitoringError::argument("window_memory_bytes", &accepted, bytes));
        }
        self.window_memory_bytes = bytes;
        Ok(self)
    }

    /// How long one call of a handler may take before it is cancelled: 30 seconds by default, `None` for as long as it
    /// likes.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] outside [`Self::HANDLER_TIMEOUT_SECONDS`], and for 0.
    pub fn with_handler_timeout_seconds(mut self, seconds: Option<f64>) -> Result<Self> {
        let (_, longest) = Self::HANDLER_TIMEOUT_SECONDS;
        if let Some(seconds) = seconds
            && !(seconds > 0.0 && seconds <= longest)
        {
            let accepted = format!("a number of seconds above 0 and up to {longest} (a day), or None");
            return Err(MonitoringError::argument("handler_timeout", &accepted, seconds));
        }
        self.handler_timeout = seconds.map(Duration::from_secs_f64);
        Ok(self)
    }

    /// How the operating system is asked, if not in the platform's own way: a function that opens the source, called
    /// when the monitor is made and again in the child of a fork.
    ///
    /// ```
    /// use mtaio_monitoring::monitor::Config;
    /// use mtaio_monitoring::sampling;
    /// let config = Config::default().with_source(sampling::native);
    /// ```
    #[must_use]
    pub fn with_source(mut self, open: impl Fn() -> Box<dyn Source> + Send + Sync + 'static) -> Self {
        self.open_source = Arc::new(open);
        self
    }

    /// The clock to go by.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Nanoseconds between two samples.
    #[must_use]
    pub fn interval_ns(&self) -> u64 {
        self.interval_ns
    }

    /// Seconds between two samples.
    #[must_use]
    pub fn interval_seconds(&self) -> f64 {
        self.interval_ns as f64 / 1e9
    }

    /// How many samples are kept.
    #[must_use]
    pub fn history_size(&self) -> usize {
        self.history_size
    }

    /// What the unqualified numbers are shares of.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the cache of ZFS counts as available memory.
    #[must_use]
    pub fn zfs_arc_available(&self) -> bool {
        self.zfs_arc_available
    }

    /// Nanoseconds after which a series with labels expires.
    #[must_use]
    pub fn series_expiry_ns(&self) -> u64 {
        self.series_expiry_ns
    }

    /// Bytes that what windows are made of may take.
    #[must_use]
    pub fn window_memory_bytes(&self) -> usize {
        self.window_memory_bytes
    }

    /// How long one call of a handler may take.
    #[must_use]
    pub fn handler_timeout(&self) -> Option<Duration> {
        self.handler_timeout
    }

    /// The clock to go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new source, with descriptors of its own.
    pub(super) fn open_source(&self) -> Box<dyn Source> {
        (self.open_source)()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("interval_seconds", &self.interval_seconds())
            .field("history_size", &self.history_size)
            .field("scope", &self.scope)
            .field("zfs_arc_available", &self.zfs_arc_available)
            .field("series_expiry_ns", &self.series_expiry_ns)
            .field("window_memory_bytes", &self.window_memory_bytes)
            .field("handler_timeout", &self.handler_timeout)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
