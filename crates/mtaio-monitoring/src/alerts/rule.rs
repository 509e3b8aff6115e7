//! A threshold and the conditions under which it speaks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::NANOS_PER_SECOND;
use crate::error::{MonitoringError, Result};

use super::alert::Level;
use super::expression::Expression;

/// The longest time that a rule takes: about a hundred years, so that nanoseconds fit.
pub(super) const LONGEST_SECONDS: f64 = 3.2e9;
/// The longest window of an aggregate.
const LONGEST_WINDOW_SECONDS: f64 = 86_400.0;
/// Samples that "n of the last m" looks at, at most.
const MOST_SAMPLES: u32 = 64;

/// Texts that a person wants to find in an alert: a runbook, a summary.
pub type Annotations = Arc<BTreeMap<Arc<str>, Arc<str>>>;

/// What can be said about a threshold beside its metric and value. The default is the plain one: above, at once,
/// once.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// A second threshold, worse than the first, whose alerts have the level critical. It clears as far from itself as
    /// `clear` is from the first. Reaching it while the first one fires is always told.
    pub critical: Option<f64>,
    /// The level of alerts of the threshold itself.
    pub level: Level,
    /// Seconds for which it keeps firing after the value is good again (Prometheus' `keep_firing_for`). One bad value
    /// in them starts anew, and is not told.
    pub keep_firing_seconds: f64,
    /// Seconds that an aggregate (`request_duration:p99`) looks back: above 0, up to a day. 60 by default.
    pub window_seconds: f64,
    /// `(n, m)`: crossed means that n of the last m values were beyond the threshold, and cleared that fewer than n of
    /// them have not cleared. m is 64 at most. `(1, 1)` by default.
    pub samples: (u32, u32),
    /// What becomes of it while there is no value.
    pub no_data: NoData,
    /// Seconds in which nothing fires, from the start of the monitor on; of a threshold that is set later, or on a monitor
    /// that does not run, from when it is first looked at.
    pub grace_seconds: f64,
    /// Seconds after an alert in which another one of no worse level is not told. It is told when they have passed, if
    /// it still fires.
    pub cool_down_seconds: f64,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            below: false,
            clear: None,
            for_seconds: 0.0,
            repeat_seconds: None,
            critical: None,
            level: Level::Warning,
            keep_firing_seconds: 0.0,
            window_seconds: 60.0,
            samples: (1, 1),
            no_data: NoData::Keep,
            grace_seconds: 0.0,
            cool_down_seconds: 0.0,
        }
    }
}

/// What becomes of a threshold while there is no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoData {
    /// It stays as it is, and the lack is reported after three intervals, or `for_seconds` where those are longer.
    #[default]
    Keep,
    /// It counts as a good value, as in Prometheus.
    Resolve,
    /// It fires after three intervals, or `for_seconds` where those are longer: for what must not fall silent.
    Alert,
}

impl NoData {
    /// From `"keep"`, `"resolve"` or `"alert"`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for another name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "keep" => Ok(Self::Keep),
            "resolve" => Ok(Self::Resolve),
            "alert" => Ok(Self::Alert),
            other => {
                let accepted = "'keep', 'resolve' or 'alert'";
                Err(MonitoringError::argument("no_data", accepted, format_args!("{other:?}")))
            }
        }
    }
}

/// One threshold, checked and ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it watches, as it was written: the name of a metric, or an expression.
    pub metric: Arc<str>,
    /// The same, read.
    pub expression: Expression,
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
    /// The worse threshold.
    pub critical: Option<f64>,
    /// The level of alerts of the first one.
    pub level: Level,
    /// How long it keeps firing after the value is good again, in nanoseconds.
    pub keep_firing_ns: u64,
    /// How far aggregates look back, in nanoseconds.
    pub window_ns: u64,
    /// How many of how many values must be beyond it.
    pub samples: (u32, u32),
    /// What becomes of it while there is no value.
    pub no_data: NoData,
    /// How long nothing fires after the start, in nanoseconds.
    pub grace_ns: u64,
    /// How long another alert is not told after one, in nanoseconds.
    pub cool_down_ns: u64,
    /// What its alerts carry along.
    pub annotations: Annotations,
}

impl Rule {
    /// A rule that fires when `metric`, a name or an [`Expression`], crosses `threshold`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name or an expression that is none, a number that is not
    /// finite, a `clear` or `critical` on the wrong side, a time or a number of samples outside its range.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::{Rule, RuleOptions};
    /// assert!(Rule::new("cpu_usage", 80.0, RuleOptions { clear: Some(70.0), ..Default::default() }).is_ok());
    /// let error = Rule::new("cpu_usage", 80.0, RuleOptions { clear: Some(90.0), ..Default::default() }).unwrap_err();
    /// assert!(error.to_string().contains("at or below the threshold"));
    /// ```
    pub fn new(metric: &str, threshold: f64, options: RuleOptions) -> Result<Self> {
        let expression = metric.parse()?;
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
        let for_ns = duration("for_seconds", options.for_seconds)?;
        if let Some(repeat) = options.repeat_seconds
            && !(repeat > 0.0 && repeat <= LONGEST_SECONDS)
        {
            let accepted = "a number of seconds above 0 and up to 3.2e9 (a hundred years), or None";
            return Err(MonitoringError::argument("repeat_seconds", accepted, repeat));
        }
        if let Some(critical) = options.critical {
            if options.level == Level::Critical {
                let message = "critical is a second level beside a warning: give either it or level='critical'";
                return Err(MonitoringError::Configuration(message.to_owned()));
            }
            let (is_worse, side) =
                if options.below { (critical < threshold, "below") } else { (critical > threshold, "above") };
            if !critical.is_finite() || !is_worse {
                let accepted = format!("a finite number {side} the threshold of {threshold}, or None");
                return Err(MonitoringError::argument("critical", &accepted, critical));
            }
        }
        let window = options.window_seconds;
        if !(window > 0.0 && window <= LONGEST_WINDOW_SECONDS) {
            let accepted = "a number of seconds above 0 and up to 86400 (a day)";
            return Err(MonitoringError::argument("window_seconds", accepted, window));
        }
        let (n, m) = options.samples;
        if n == 0 || n > m || m > MOST_SAMPLES {
            let accepted = format!("(n, m), n of the last m values, with 1 <= n <= m <= {MOST_SAMPLES}, or None");
            return Err(MonitoringError::argument("samples", &accepted, format_args!("({n}, {m})")));
        }
        Ok(Self {
            metric: metric.into(),
            expression,
            threshold,
            below: options.below,
            clear,
            for_ns,
            repeat_ns: options.repeat_seconds.map(nanoseconds),
            critical: options.critical,
            level: options.level,
            keep_firing_ns: duration("keep_firing_seconds", options.keep_firing_seconds)?,
            window_ns: nanoseconds(window),
            samples: options.samples,
            no_data: options.no_data,
            grace_ns: duration("grace_seconds", options.grace_seconds)?,
            cool_down_ns: duration("cool_down_seconds", options.cool_down_seconds)?,
            annotations: Annotations::default(),
        })
    }

    /// The same rule, whose alerts carry these texts along.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::{Rule, RuleOptions};
    /// let rule = Rule::new("cpu_usage", 80.0, RuleOptions::default()).unwrap();
    /// let rule = rule.with_annotations([("runbook", "https://wiki.example.org/cpu")]);
    /// assert_eq!(&*rule.annotations["runbook"], "https://wiki.example.org/cpu");
    /// ```
    #[must_use]
    pub fn with_annotations<N, V>(mut self, annotations: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let texts = annotations.into_iter().map(|(name, text)| (name.into(), text.into()));
        self.annotations = Arc::new(texts.collect());
        self
    }

    /// The name of the metric, where the rule watches the last value of one and nothing more.
    #[must_use]
    pub fn plain_name(&self) -> Option<&Arc<str>> {
        self.expression.plain_name()
    }

    /// The threshold of a level, and the value at which it clears.
    pub(super) fn bounds(&self, level: Level) -> (f64, f64) {
        match self.critical {
            Some(critical) if level == Level::Critical => (critical, critical + (self.clear - self.threshold)),
            _ => (self.threshold, self.clear),
        }
    }

    /// Whether `value` is on the bad side of a bound: strictly, as the reference has it. So a value that equals the
    /// threshold does not cross it, and one that equals `clear` clears.
    pub(super) fn is_beyond(&self, bound: f64, value: f64) -> bool {
        if self.below { value < bound } else { value > bound }
    }
}

fn duration(argument: &str, seconds: f64) -> Result<u64> {
    if (0.0..=LONGEST_SECONDS).contains(&seconds) {
        return Ok(nanoseconds(seconds));
    }
    Err(MonitoringError::argument(argument, "a number of seconds from 0 to 3.2e9 (a hundred years)", seconds))
}

pub(super) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * NANOS_PER_SECOND as f64) as u64
}
