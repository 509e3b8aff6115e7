//! A threshold and the conditions under which it speaks.

use std::sync::Arc;

use crate::clock::NANOS_PER_SECOND;
use crate::error::{MonitoringError, Result};

/// The longest time that a rule takes: about a hundred years, so that nanoseconds fit.
const LONGEST_SECONDS: f64 = 3.2e9;

/// What can be said about a threshold beside its metric and value. The default is the plain one: above, at once,
/// once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RuleOptions {
    /// Fire when the value is below the threshold instead of above it.
    pub below: bool,
    /// The level at which a firing threshold clears (hysteresis); the threshold itself by default. Clearing includes
    /// equality: an alert above 80 with `clear` 70 clears at a value of 70.
    pub clear: Option<f64>,
    /// Seconds for which the value must stay beyond the threshold before it fires. One good value starts anew.
    pub for_seconds: f64,
    /// Seconds after which a threshold that keeps firing says so again; never by default.
    pub repeat_seconds: Option<f64>,
}

/// One threshold, checked and ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The metric that it watches.
    pub metric: Arc<str>,
    /// The level that must not be crossed.
    pub threshold: f64,
    /// Whether crossing means falling below.
    pub below: bool,
    /// The level at which it clears.
    pub clear: f64,
    /// How long the crossing must last, in nanoseconds.
    pub for_ns: u64,
    /// How often it says so again, in nanoseconds.
    pub repeat_ns: Option<u64>,
}

impl Rule {
    /// A rule that fires when `metric` crosses `threshold`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name, a number that is not finite, a `clear` on the wrong
    /// side, a negative `for_seconds`, a `repeat_seconds` that is not positive.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::{Rule, RuleOptions};
    /// assert!(Rule::new("cpu_usage", 80.0, RuleOptions { clear: Some(70.0), ..Default::default() }).is_ok());
    /// let error = Rule::new("cpu_usage", 80.0, RuleOptions { clear: Some(90.0), ..Default::default() }).unwrap_err();
    /// assert!(error.to_string().contains("at or below the threshold"));
    /// ```
    pub fn new(metric: &str, threshold: f64, options: RuleOptions) -> Result<Self> {
        if metric.is_empty() {
            return Err(MonitoringError::argument("metric", "a name of at least one character", "''"));
        }
        if !threshold.is_finite() {
            return Err(MonitoringError::argument("value", "a finite number", threshold));
        }
        let clear = options.clear.unwrap_or(threshold);
        let (right_side, side) =
            if options.below { (clear >= threshold, "above") } else { (clear <= threshold, "below") };
        if !clear.is_finite() || !right_side {
            let accepted = format!("a finite number at or {side} the threshold of {threshold}");
            return Err(MonitoringError::argument("clear", &accepted, clear));
        }
        let for_seconds = options.for_seconds;
        if !(0.0..=LONGEST_SECONDS).contains(&for_seconds) {
            return Err(MonitoringError::argument(
                "for_seconds",
                "a number of seconds from 0 to 3.2e9 (a hundred years)",
                for_seconds,
            ));
        }
        if let Some(repeat) = options.repeat_seconds
            && !(repeat > 0.0 && repeat <= LONGEST_SECONDS)
        {
            let accepted = "a number of seconds above 0 and up to 3.2e9 (a hundred years), or None";
            return Err(MonitoringError::argument("repeat_seconds", accepted, repeat));
        }
        Ok(Self {
            metric: metric.into(),
            threshold,
            below: options.below,
            clear,
            for_ns: nanoseconds(for_seconds),
            repeat_ns: options.repeat_seconds.map(nanoseconds),
        })
    }

    /// Whether `value` is beyond the threshold: strictly, as the reference has it.
    #[must_use]
    pub fn is_crossed_by(&self, value: f64) -> bool {
        if self.below { value < self.threshold } else { value > self.threshold }
    }

    /// Whether `value` is good enough to end an alert.
    #[must_use]
    pub fn is_cleared_by(&self, value: f64) -> bool {
        if self.below { value >= self.clear } else { value <= self.clear }
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * NANOS_PER_SECOND as f64) as u64
}
