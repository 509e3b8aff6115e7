//! What a threshold watches.

use std::fmt;
use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::metrics::{Labels, Quoted};

use super::grammar::Parser;

/// What a threshold watches: one term or the ratio of two, in one value or one a set of labels.
///
/// ```
/// use mtaio_monitoring::alerts::Expression;
///
/// let errors: Expression = r#"request_error:count / request_duration:count by (route)"#.parse().unwrap();
/// assert_eq!(errors.by.len(), 1);
/// assert_eq!(errors.to_string().parse(), Ok(errors));
///
/// let error = "request_duration:p999x".parse::<Expression>().unwrap_err();
/// assert!(error.to_string().contains("^ an aggregate is last, count"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// The only term, or what is divided.
    pub term: Term,
    /// What it is divided by.
    pub divisor: Option<Term>,
    /// Labels of which each distinct set of values is an instance of its own, in alphabetical order. Without any, all
    /// series that the selector matches are merged into one value.
    pub by: Vec<Arc<str>>,
}

/// A metric, which of its series, and what is made of their values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// The name of the metric.
    pub metric: Arc<str>,
    /// What the labels of a series must be. No condition: every series.
    pub selector: Vec<LabelCondition>,
    /// What is made of the values.
    pub aggregate: Aggregate,
}

/// What a label must be, or must not be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelCondition {
    /// The label.
    pub label: Arc<str>,
    /// Whether its value must be the one given (`=`) or any other (`!=`).
    pub equal: bool,
    /// The value given.
    pub value: Arc<str>,
}

/// What is made of the values of a window. [`Last`](Self::Last) has no window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// The value recorded last.
    #[default]
    Last,
    /// How many values were recorded.
    Count,
    /// Their sum.
    Sum,
    /// How many were recorded a second.
    Rate,
    /// Their arithmetic mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The value that a share of them does not exceed.
    Quantile(Percent),
}

/// A number of percent above 0 and below 100, in thousandths: `p99.9` is 99 900 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    /// From thousandths of a percent: 1 to 99 999.
    #[must_use]
    pub fn from_thousandths(thousandths: u32) -> Option<Self> {
        (1..100_000).contains(&thousandths).then_some(Self(thousandths))
    }

    /// As a share, above 0 and below 1: 0.999 for `p99.9`.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / 100_000.0
    }
}

impl LabelCondition {
    /// Whether labels meet it. A label that is not there has the value "", as in PromQL.
    #[must_use]
    pub fn is_met_by(&self, labels: &Labels) -> bool {
        (labels.get(&self.label).unwrap_or_default() == &*self.value) == self.equal
    }
}

impl Term {
    /// The last value of every series of a metric.
    #[must_use]
    pub fn last_of(metric: &str) -> Self {
        Self { metric: metric.into(), selector: Vec::new(), aggregate: Aggregate::Last }
    }

    /// Whether a series with these labels is among those that the selector asks for.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> bool {
        self.selector.iter().all(|condition| condition.is_met_by(labels))
    }
}

impl Expression {
    /// The name of the metric whose last value it is, where it is nothing more than that.
    #[must_use]
    pub fn plain_name(&self) -> Option<&Arc<str>> {
        let Term { metric, selector, aggregate } = &self.term;
        let plain = selector.is_empty() && *aggregate == Aggregate::Last;
        (plain && self.divisor.is_none() && self.by.is_empty()).then_some(metric)
    }

    /// Its terms: one or two.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        std::iter::once(&self.term).chain(&self.divisor)
    }

    /// Why a text that is not empty is no expression: the number of the character at fault, and what is accepted there.
    #[cfg(feature = "config-file")]
    pub(crate) fn fault_of(text: &str) -> Option<(usize, &'static str)> {
        if is_plain(text) { None } else { Parser::of(text).fault() }
    }

    /// Whether it looks at what was recorded in a window, and not only at the newest values.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.terms().any(|term| term.aggregate != Aggregate::Last)
    }
}

/// Whether a text is a name and nothing more.
fn is_plain(text: &str) -> bool {
    !text.contains(['{', '}', ':', '/', '(', ')', '"']) && !text.contains(" by ")
}

impl std::str::FromStr for Expression {
    type Err = MonitoringError;

    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] with the text, a caret under the fault, and what is accepted there.
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(MonitoringError::argument("metric", "a name of at least one character", "''"));
        }
        if is_plain(text) {
            return Ok(Self { term: Term::last_of(text), divisor: None, by: Vec::new() });
        }
        Parser::of(text).expression()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.term)?;
        if let Some(divisor) = &self.divisor {
            write!(f, " / {divisor}")?;
        }
        match self.by.join(", ") {
            none if none.is_empty() => Ok(()),
            labels => write!(f, " by ({labels})"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (at, condition) in self.selector.iter().enumerate() {
            write!(f, "{}{condition}", if at == 0 { "{" } else { "," })?;
        }
        f.write_str(if self.selector.is_empty() { "" } else { "}" })?;
        match self.aggregate {
            Aggregate::Last => Ok(()),
            aggregate => write!(f, ":{aggregate}"),
        }
    }
}

impl fmt::Display for LabelCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.label, if self.equal { "=" } else { "!=" }, Quoted(&self.value))
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Last => "last",
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Rate => "rate",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Quantile(Percent(thousandths)) => return write!(f, "p{}", f64::from(*thousandths) / 1_000.0),
        })
    }
}
