//! Keeping alerts to oneself for a while.

use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::metrics::Labels;

use super::expression::{Aggregate, Expression};
use super::rule::{LONGEST_SECONDS, Rule, nanoseconds};

/// For a while, alerts of some thresholds are tracked and not told.
///
/// An alert that was told before still ends for whoever was told, silence or not. What has begun in a silence and still
/// lasts when it ends is told then.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// By which it is ended early.
    pub number: u64,
    /// What it keeps quiet.
    pub matcher: Matcher,
    /// Why; for people.
    pub comment: Arc<str>,
    /// When it ends, in nanoseconds of the monotonic clock: a machine that is suspended sleeps through none of it.
    pub until_ns: u64,
    /// The same in seconds since the epoch, as it was foreseen.
    pub expires: f64,
}

/// Which alerts a silence is for.
///
/// A name, with conditions on labels or without, means every threshold in whose expression the metric stands; any other
/// expression means the thresholds with exactly that one.
///
/// ```
/// use mtaio_monitoring::alerts::{Matcher, Rule, RuleOptions};
/// use mtaio_monitoring::metrics::Labels;
///
/// let rule = Rule::new("request_duration:p99 by (route)", 0.5, RuleOptions::default()).unwrap();
/// let cart = Labels::new([("route", "/cart")]);
/// assert!(Matcher::new("request_duration").unwrap().matches(&rule, &cart));
/// assert!(!Matcher::new(r#"request_duration{route="/pay"}"#).unwrap().matches(&rule, &cart));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    text: Arc<str>,
    expression: Expression,
}

impl Matcher {
    /// From its text.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] as for the text of a threshold.
    pub fn new(text: &str) -> Result<Self> {
        Ok(Self { text: text.into(), expression: text.parse()? })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether it means the alert of a rule for these labels.
    #[must_use]
    pub fn matches(&self, rule: &Rule, labels: &Labels) -> bool {
        let Expression { term, divisor, by } = &self.expression;
        if term.aggregate == Aggregate::Last && divisor.is_none() && by.is_empty() {
            rule.expression.terms().any(|watched| {
                // What a threshold looks at nothing but is as much its alert's as the labels that tell instances apart.
                let chosen = watched.selector.iter().filter(|condition| condition.equal);
                let chosen =
                    Labels::new(chosen.map(|condition| (condition.label.clone(), condition.value.clone())));
                watched.metric == term.metric && term.selects(&chosen.and(labels))
            })
        } else {
            rule.expression == self.expression
        }
    }
}

impl Silence {
    /// A silence from now on.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a matcher that is none and for a time that is not above 0.
    pub fn new(
        number: u64,
        matcher: &str,
        seconds: f64,
        comment: &str,
        now_ns: u64,
        timestamp: f64,
    ) -> Result<Self> {
        if !(seconds > 0.0 && seconds <= LONGEST_SECONDS) {
            let accepted = "a number of seconds above 0 and up to 3.2e9 (a hundred years)";
            return Err(MonitoringError::argument("seconds", accepted, seconds));
        }
        Ok(Self {
            number,
            matcher: Matcher::new(matcher)?,
            comment: comment.into(),
            until_ns: now_ns.saturating_add(nanoseconds(seconds)),
            expires: timestamp + seconds,
        })
    }

    /// Whether it keeps the alert of a rule for these labels quiet at a moment.
    #[must_use]
    pub fn mutes(&self, rule: &Rule, labels: &Labels, now_ns: u64) -> bool {
        now_ns < self.until_ns && self.matcher.matches(rule, labels)
    }
}
