//! What a monitor is asked to do, checked once.

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

/// How the operating system is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The platform's own files and calls, where this crate reads them; else the portable one.
    #[default]
    Native,
    /// The `sysinfo` crate: fewer fields, every system.
    #[cfg(any(feature = "portable", not(target_os = "linux")))]
    Portable,
}

/// A monitor's settings, all of them sound.
#[derive(Clone, Debug)]
pub struct Config {
    interval_ns: u64,
    history_size: usize,
    scope: Scope,
    backend: Backend,
    clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_ns: NANOS_PER_SECOND,
            history_size: 3600,
            scope: Scope::Auto,
            backend: Backend::Native,
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// The shortest and the longest interval, in seconds.
    pub const INTERVAL_SECONDS: (f64, f64) = (0.001, 86_400.0);
    /// The smallest and the largest history, in samples.
    pub const HISTORY_SIZE: (usize, usize) = (1, 10_000_000);

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

    /// How the operating system is asked.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
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

    /// The clock to go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new source, with descriptors of its own.
    pub(super) fn open_source(&self) -> Box<dyn Source> {
        match self.backend {
            Backend::Native => sampling::native(),
            #[cfg(any(feature = "portable", not(target_os = "linux")))]
            Backend::Portable => Box::new(sampling::portable::PortableSource::new()),
        }
    }
}
