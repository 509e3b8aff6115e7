//! Where the values of an expression come from, and what it makes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metrics::Labels;

use super::expression::{Aggregate, Expression, Term};

/// Who knows what metrics did: a monitor, or a test.
pub trait Values {
    /// The values of a term in the newest `window_ns`: one for each distinct set of values that the labels `by` have among
    /// the series that it selects, in order; without `by` exactly one, over all of them. `None` where there is no value
    /// to tell: nothing was recorded in the window, or nobody knows the metric.
    fn values(&self, term: &Term, by: &[Arc<str>], window_ns: u64) -> Vec<(Labels, Option<f64>)>;
}

impl Expression {
    /// Its values in the newest `window_ns`, as [`Values::values`] gives those of a term.
    ///
    /// Both terms of a ratio are joined on the labels `by`. It is `None` where one of them is, and where both are zero: no
    /// errors among no requests say neither that all is well nor that it is not. Anything else by zero is infinite. But who
    /// counts what did not happen counts zero: where only the divisor has a set of labels, the `count`, `sum` or `rate` that
    /// is divided is 0.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::{Expression, Term, Values};
    /// use mtaio_monitoring::metrics::Labels;
    ///
    /// struct Known;
    /// impl Values for Known {
    ///     fn values(&self, term: &Term, _: &[std::sync::Arc<str>], _: u64) -> Vec<(Labels, Option<f64>)> {
    ///         let route = |route| Labels::new([("route", route)]);
    ///         match &*term.metric {
    ///             "errors" => vec![(route("/a"), Some(1.0))],
    ///             _ => vec![(route("/a"), Some(4.0)), (route("/b"), Some(2.0))],
    ///         }
    ///     }
    /// }
    ///
    /// let ratio: Expression = "errors:count / requests:count by (route)".parse().unwrap();
    /// let values: Vec<_> = ratio.evaluate(&Known, 1).into_iter().map(|(_, value)| value).collect();
    /// assert_eq!(values, [Some(0.25), Some(0.0)]);
    /// ```
    pub fn evaluate(&self, values: &dyn Values, window_ns: u64) -> Vec<(Labels, Option<f64>)> {
        let dividends = values.values(&self.term, &self.by, window_ns);
        let Some(divisor) = &self.divisor else { return dividends };
        let counts = matches!(self.term.aggregate, Aggregate::Count | Aggregate::Sum | Aggregate::Rate);
        let mut joined: BTreeMap<Labels, (Option<f64>, Option<f64>)> = BTreeMap::new();
        for (labels, value) in values.values(divisor, &self.by, window_ns) {
            joined.insert(labels, (counts.then_some(0.0), value));
        }
        for (labels, value) in dividends {
            joined.entry(labels).or_default().0 = value;
        }
        let ratio = |(dividend, divisor): (Option<f64>, Option<f64>)| {
            Some(dividend? / divisor?).filter(|ratio| !ratio.is_nan())
        };
        joined.into_iter().map(|(labels, terms)| (labels, ratio(terms))).collect()
    }
}
