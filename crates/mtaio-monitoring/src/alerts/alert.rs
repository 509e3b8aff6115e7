//! What handlers are told.

use std::fmt;
use std::sync::Arc;

use super::rule::Rule;
use super::watch::Change;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Level {
    /// Somebody should look.
    #[default]
    Warning,
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
    /// `"warning"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
        }
    }
}

impl Alert {
    /// The alert of a threshold that has changed its state. `unit` is shown after the numbers.
    #[must_use]
    pub fn of_change(rule: &Rule, change: Change, value: f64, unit: &str, timestamp: f64) -> Self {
        let (state, says) = match (change, rule.below) {
            (Change::Exceeded, false) => (AlertState::Firing, "is above"),
            (Change::Exceeded, true) => (AlertState::Firing, "is below"),
            // Between the threshold and the level at which it clears: neither above nor over.
            (Change::StillExceeded, _) if !rule.is_crossed_by(value) => (AlertState::Firing, "has not cleared"),
            (Change::StillExceeded, false) => (AlertState::Firing, "is still above"),
            (Change::StillExceeded, true) => (AlertState::Firing, "is still below"),
            (Change::Cleared, _) => (AlertState::Resolved, "is back within"),
        };
        let (value_text, threshold_text) = (Number(value, unit), Number(rule.threshold, unit));
        Self {
            metric: Some(Arc::clone(&rule.metric)),
            value: Some(value),
            threshold: Some(rule.threshold),
            message: format!("{} {value_text} {says} its threshold of {threshold_text}", rule.metric),
            state,
            level: Level::Warning,
            timestamp,
        }
    }

    /// The end of an alert whose threshold was taken away while it fired: nobody may be left believing that it lasts.
    #[must_use]
    pub fn of_removal(rule: &Rule, timestamp: f64) -> Self {
        Self {
            metric: Some(Arc::clone(&rule.metric)),
            value: None,
            threshold: Some(rule.threshold),
            message: format!("the threshold of {} on {} was removed while it fired", rule.threshold, rule.metric),
            state: AlertState::Resolved,
            level: Level::Warning,
            timestamp,
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
        }
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
