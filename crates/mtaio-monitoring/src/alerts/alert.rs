//! What handlers are told.

use std::fmt;
use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::metrics::Labels;

use super::evidence::Evidence;
use super::rule::{Annotations, Rule};
use super::watch::{Change, Transition};

/// Something that somebody should know.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The metric; `None` for an alert that is only a message.
    pub metric: Option<Arc<str>>,
    /// Its value.
    pub value: Option<f64>,
    /// The level that the value crossed.
    pub threshold: Option<f64>,
    /// One sentence for a person.
    pub message: String,
    /// Whether the trouble has begun or ended.
    pub state: AlertState,
    /// How bad it is.
    pub level: Level,
    /// Seconds since the epoch.
    pub timestamp: f64,
    /// When the trouble began, in seconds since the epoch: the first value beyond the threshold, from which
    /// `for_seconds` are counted.
    pub since: Option<f64>,
    /// The worst value since then.
    pub peak: Option<f64>,
    /// Of which series the metric's value is, where the threshold looks at them one by one.
    pub labels: Labels,
    /// How far the value looks back, in seconds, where it is an aggregate.
    pub window_seconds: Option<f64>,
    /// What the threshold was given to carry along: a runbook, a summary.
    pub annotations: Annotations,
    /// What was going on when it fired, or became worse; `None` where nothing new has happened (it still lasts, it is
    /// over) and for what the program raises itself.
    pub evidence: Option<Arc<Evidence>>,
}

/// Whether the trouble has begun or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertState {
    /// It lasts.
    Firing,
    /// It is over.
    Resolved,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Level {
    /// Somebody should look.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

impl AlertState {
    /// `"firing"` or `"resolved"`, as Alertmanager has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl Level {
    /// `"warning"` or `"critical"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// From its name.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for another name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "warning" => Ok(Self::Warning),
            "critical" => Ok(Self::Critical),
            other => Err(MonitoringError::argument("level", "'warning' or 'critical'", format_args!("{other:?}"))),
        }
    }
}

impl Alert {
    /// The alert of a threshold that has changed its state with this very value. `unit` is shown after the numbers.
    #[must_use]
    pub fn of_change(rule: &Rule, change: Change, value: f64, unit: &str, timestamp: f64) -> Self {
        let transition =
            Transition { change, level: rule.level, value: Some(value), since_ns: 0, peak: Some(value) };
        Self::of_transition(rule, &transition, &Labels::default(), unit, 0, timestamp)
    }

    /// The alert of a transition at `now_ns`, which is `timestamp` on the wall. `unit` is shown after the numbers.
    #[must_use]
    pub fn of_transition(
        rule: &Rule,
        transition: &Transition,
        labels: &Labels,
        unit: &str,
        now_ns: u64,
        timestamp: f64,
    ) -> Self {
        let Transition { change, level, value, since_ns, peak } = *transition;
        // What has ended is back within the first threshold, however bad it was.
        let threshold = if change == Change::Cleared { rule.threshold } else { rule.bounds(level).0 };
        let is_crossed = value.is_some_and(|value| rule.is_beyond(threshold, value));
        let (state, says) = match (change, rule.below) {
            (Change::Exceeded, false) => (AlertState::Firing, "is above"),
            (Change::Exceeded, true) => (AlertState::Firing, "is below"),
            // Between the threshold and the level at which it clears: neither above nor over.
            (Change::StillExceeded, _) if !is_crossed => (AlertState::Firing, "has not cleared"),
            (Change::StillExceeded, false) => (AlertState::Firing, "is still above"),
            (Change::StillExceeded, true) => (AlertState::Firing, "is still below"),
            (Change::Cleared, _) => (AlertState::Resolved, "is back within"),
        };
        let name = Named(&rule.metric, labels);
        let threshold_text = Number(threshold, unit);
        let which =
            if level == Level::Critical && change != Change::Cleared { "critical threshold" } else { "threshold" };
        let message = match (value, state) {
            (Some(value), _) => {
                format!("{name} {} {says} its {which} of {threshold_text}", Number(value, unit))
            }
            (None, AlertState::Firing) => {
                format!("{name} has no value: nothing says that it is within {threshold_text}")
            }
            (None, AlertState::Resolved) => format!("{name} has no value any more, and so its alert ends"),
        };
        Self {
            metric: Some(Arc::clone(&rule.metric)),
            value,
            threshold: Some(threshold),
            message,
            state,
            level,
            timestamp,
            since: Some(timestamp - now_ns.saturating_sub(since_ns) as f64 / 1e9),
            peak,
            ..Self::about(rule, labels)
        }
    }

    /// The end of an alert whose threshold was taken away while it fired: nobody may be left believing that it lasts.
    #[must_use]
    pub fn of_removal(rule: &Rule, timestamp: f64) -> Self {
        Self::of_removed(rule, &Labels::default(), rule.level, timestamp)
    }

    /// As [`Self::of_removal`], for the alert of some labels at a level.
    #[must_use]
    pub fn of_removed(rule: &Rule, labels: &Labels, level: Level, timestamp: f64) -> Self {
        let name = Named(&rule.metric, labels);
        Self {
            metric: Some(Arc::clone(&rule.metric)),
            threshold: Some(rule.threshold),
            message: format!("the threshold of {} on {name} was removed while it fired", rule.threshold),
            state: AlertState::Resolved,
            level,
            timestamp,
            ..Self::about(rule, labels)
        }
    }

    /// What all alerts of a rule have.
    fn about(rule: &Rule, labels: &Labels) -> Self {
        Self {
            labels: labels.clone(),
            window_seconds: rule.expression.has_window().then(|| rule.window_ns as f64 / 1e9),
            annotations: Arc::clone(&rule.annotations),
            ..Self::of_message(String::new(), 0.0)
        }
    }

    /// An alert that the program itself raises.
    #[must_use]
    pub fn of_message(message: String, timestamp: f64) -> Self {
        Self {
            metric: None,
            value: None,
            threshold: None,
            message,
            state: AlertState::Firing,
            level: Level::Warning,
            timestamp,
            since: None,
            peak: None,
            labels: Labels::default(),
            window_seconds: None,
            annotations: Annotations::default(),
            evidence: None,
        }
    }
}

/// What a threshold watches, with the labels of which it is.
struct Named<'a>(&'a str, &'a Labels);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(metric, labels) = *self;
        f.write_str(metric)?;
        if labels.is_empty() { Ok(()) } else { write!(f, " {labels}") }
    }
}

/// A number as a person reads it: four significant digits, no exponent where none is needed.
struct Number<'a>(f64, &'a str);

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = *self;
        let size = value.abs();
        if size != 0.0 && !(1e-4..1e12).contains(&size) {
            write!(f, "{value:.3e}")?;
        } else {
            // Digits before the point, or less than none: the zeros right after it.
            let whole_digits = if size == 0.0 { 1 } else { size.log10().floor() as i32 + 1 };
            let decimals = usize::try_from(4 - whole_digits).unwrap_or(0);
            let text = format!("{value:.decimals$}");
            let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            f.write_str(text)?;
        }
        match unit {
            "" | "1" => Ok(()),
            unit => write!(f, " {}", unit.replace(['{', '}'], "")),
        }
    }
}
