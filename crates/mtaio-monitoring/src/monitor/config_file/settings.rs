//! The settings of a monitor that a file gives.

use toml::de::DeValue;

use crate::error::Result;
use crate::monitor::config::{Config, Scope};

use super::faults::Faults;
use super::fields::{Fields, Value, number, whole};

/// Their keys.
pub(super) const KEYS: [&str; 7] = [
    "interval",
    "history_size",
    "scope",
    "zfs_arc_available",
    "series_expiry_seconds",
    "window_memory_bytes",
    "handler_timeout",
];

/// The settings that a file gives, each of them sound; `None` for one that it leaves alone. See [`Config`] for what they
/// mean.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Seconds between two samples.
    pub interval: Option<f64>,
    /// How many samples are kept.
    pub history_size: Option<usize>,
    /// What the unqualified numbers are shares of.
    pub scope: Option<Scope>,
    /// Whether the cache of ZFS counts as available memory.
    pub zfs_arc_available: Option<bool>,
    /// Seconds after which a series with labels expires.
    pub series_expiry_seconds: Option<f64>,
    /// Bytes that what windows are made of may take.
    pub window_memory_bytes: Option<usize>,
    /// Seconds that one call of a handler may take; `Some(None)` for as long as it likes.
    pub handler_timeout: Option<Option<f64>>,
}

impl Settings {
    /// The same configuration with these settings.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for one that was changed to what is
    /// outside its range.
    pub fn applied_to(&self, mut config: Config) -> Result<Config> {
        if let Some(seconds) = self.interval {
            config = config.with_interval_seconds(seconds)?;
        }
        if let Some(samples) = self.history_size {
            config = config.with_history_size(samples)?;
        }
        if let Some(scope) = self.scope {
            config = config.with_scope(scope);
        }
        if let Some(available) = self.zfs_arc_available {
            config = config.with_zfs_arc_available(available);
        }
        if let Some(seconds) = self.series_expiry_seconds {
            config = config.with_series_expiry_seconds(seconds)?;
        }
        if let Some(bytes) = self.window_memory_bytes {
            config = config.with_window_memory_bytes(bytes)?;
        }
        if let Some(seconds) = self.handler_timeout {
            config = config.with_handler_timeout_seconds(seconds)?;
        }
        Ok(config)
    }

    pub(super) fn read(fields: &Fields<'_>, faults: &mut Faults<'_>) -> Self {
        let mut seconds = |key: &str, check: fn(Config, f64) -> Result<Config>| {
            let value = fields.get(key)?;
            checked(key, value, number(value), |seconds| check(Config::default(), seconds), faults)
        };
        let interval = seconds("interval", Config::with_interval_seconds);
        let series_expiry_seconds = seconds("series_expiry_seconds", Config::with_series_expiry_seconds);
        // What is no whole number is one that is not accepted.
        let mut count = |key: &str, refused: usize, check: fn(Config, usize) -> Result<Config>| {
            let value = fields.get(key)?;
            let count = whole(value).and_then(|count| usize::try_from(count).ok()).unwrap_or(refused);
            checked(key, value, count, |count| check(Config::default(), count), faults)
        };
        let history_size = count("history_size", 0, Config::with_history_size);
        let window_memory_bytes = count("window_memory_bytes", usize::MAX, Config::with_window_memory_bytes);
        let scope = fields.get("scope").and_then(|value| {
            let scope = Scope::from_name(value.get_ref().as_str().unwrap_or_default());
            scope.map_err(|error| faults.refuse("scope", value, &error)).ok()
        });
        Self {
            interval,
            history_size,
            scope,
            zfs_arc_available: fields.truth("zfs_arc_available", faults),
            series_expiry_seconds,
            window_memory_bytes,
            handler_timeout: handler_timeout(fields, faults),
        }
    }
}

/// TOML has no null: "none" is for as long as it likes.
fn handler_timeout(fields: &Fields<'_>, faults: &mut Faults<'_>) -> Option<Option<f64>> {
    let key = "handler_timeout";
    let value = fields.get(key)?;
    if matches!(value.get_ref(), DeValue::String(text) if text == "none") {
        return Some(None);
    }
    let seconds = number(value);
    if let Err(error) = Config::default().with_handler_timeout_seconds(Some(seconds)) {
        let accepted = error.argument_and_accepted().map_or("a number", |(_, accepted)| accepted);
        faults.wrong(key, &accepted.replace("None", "\"none\""), value);
        return None;
    }
    Some(Some(seconds))
}

/// What was read, where the core takes it.
fn checked<T: Copy>(
    key: &str,
    value: &Value<'_>,
    read: T,
    check: impl FnOnce(T) -> Result<Config>,
    faults: &mut Faults<'_>,
) -> Option<T> {
    check(read).map_err(|error| faults.refuse(key, value, &error)).ok().map(|_| read)
}
