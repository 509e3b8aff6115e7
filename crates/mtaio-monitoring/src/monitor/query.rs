//! Answers: what was recorded or measured in a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::{Aggregate, Expression, Term, Values};
use crate::error::{MonitoringError, Result};
use crate::history::{Stamped, Wanted};
use crate::metrics::catalogue::{BuiltIn, Kind};
use crate::metrics::{Labels, Series, Sketch, Summary};
use crate::rates::{Interval, SystemStats};

use super::core::MonitorCore;
use super::shared::Shared;

/// The longest window that can be asked for, in seconds: a hundred years, as everywhere.
const LONGEST_WINDOW_SECONDS: f64 = 3.2e9;

impl MonitorCore {
    /// What a metric did in the newest `window_seconds`; without them, since its first value. Of a metric with labels all
    /// series that have these `labels` are taken together.
    ///
    /// Windows are made of samples: while the monitor runs, one is rounded to whole samples (the newest 300 are kept one
    /// by one, older ones ten at a time, `history_size` in all), and [`Summary::seconds`] says what it came to. A monitor
    /// that never ran has no samples, and answers for all that was recorded. A built-in metric is what the history has of
    /// it.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::UnknownMetric`] for a name that was neither declared nor recorded, and
    /// [`MonitoringError::Configuration`] for a window that is no number of seconds above 0 and up to 3.2e9.
    pub fn summary(&self, name: &str, window_seconds: Option<f64>, labels: Option<&Labels>) -> Result<Summary> {
        let window_ns = window_seconds.map(window_ns).transpose()?;
        let shared = self.shared();
        let wanted = labels.cloned().unwrap_or_default();
        let matches = |labels: &Labels| wanted.iter().all(|(name, value)| labels.get(name) == Some(value));
        let Some(mut groups) = shared.summaries(name, matches, &[], window_ns, Wanted::Distribution) else {
            return Err(shared.no_value(name));
        };
        Ok(groups.pop().map(|(_, summary)| summary).unwrap_or_default())
    }
}

impl MonitorCore {
    /// The value of an expression over the newest `window_seconds`: `metric`, `metric:aggregate`,
    /// `metric{label="value"}:aggregate` or a ratio of two such. A metric alone is its latest value. `None` where there
    /// is no value to tell.
    ///
    /// Aggregates are `last`, `count`, `sum`, `rate` (a second: of a counter what it grew by, of others how many values
    /// were recorded), `mean`, `min`, `max` and `p50` … `p99.99`, within 1.09 %.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a text that is no expression or has a `by`, which gives more than one value
    /// ([`Self::query_by`]), and for a window as in [`Self::summary`]. [`MonitoringError::UnknownMetric`] as there.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Labels;
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    /// let monitor = MonitorCore::new(Config::default());
    /// for (route, seconds) in [("/cart", 0.2), ("/cart", 0.4), ("/pay", 9.0)] {
    ///     monitor.record_with("request_duration", seconds, &Labels::new([("route", route)])).unwrap();
    /// }
    /// let query = |expression| monitor.query(expression, 60.0).unwrap().unwrap();
    /// assert_eq!(query(r#"request_duration{route="/cart"}:max"#), 0.4);
    /// assert_eq!(query(r#"request_duration{route="/cart"}:count / request_duration:count"#), 2.0 / 3.0);
    /// ```
    pub fn query(&self, expression: &str, window_seconds: f64) -> Result<Option<f64>> {
        let parsed: Expression = expression.parse()?;
        if !parsed.by.is_empty() {
            return Err(MonitoringError::argument(
                "expression",
                "one without `by`, because it gives one value",
                format_args!("{expression:?}"),
            ));
        }
        Ok(self.evaluate(&parsed, window_seconds)?.pop().and_then(|(_, value)| value))
    }

    /// As [`Self::query`], one value for each distinct set of the labels that the expression is `by`.
    ///
    /// # Errors
    ///
    /// As [`Self::query`], but for `by`.
    pub fn query_by(&self, expression: &str, window_seconds: f64) -> Result<Vec<(Labels, Option<f64>)>> {
        self.evaluate(&expression.parse()?, window_seconds)
    }

    fn evaluate(&self, expression: &Expression, window_seconds: f64) -> Result<Vec<(Labels, Option<f64>)>> {
        let window_ns = window_ns(window_seconds)?;
        let shared = self.shared();
        let unknown = |term: &&Term| !shared.knows(&term.metric);
        if let Some(term) = expression.terms().find(unknown) {
            return Err(shared.no_value(&term.metric));
        }
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let values = expression.evaluate(&*shared, window_ns).into_iter();
        Ok(values.map(|(labels, value)| (labels, finite(value))).collect())
    }
}

impl Values for Shared {
    fn values(&self, term: &Term, by: &[Arc<str>], window_ns: u64) -> Vec<(Labels, Option<f64>)> {
        let wanted = wanted(term.aggregate);
        let summaries = self.summaries(&term.metric, |labels| term.selects(labels), by, Some(window_ns), wanted);
        let nothing = || if by.is_empty() { vec![(Labels::default(), None)] } else { Vec::new() };
        summaries.map_or_else(nothing, |summaries| {
            summaries.into_iter().map(|(labels, summary)| (labels, value(&summary, term.aggregate))).collect()
        })
    }
}

pub(super) fn value(summary: &Summary, aggregate: Aggregate) -> Option<f64> {
    match aggregate {
        Aggregate::Last => summary.last,
        Aggregate::Count => Some(summary.count() as f64),
        Aggregate::Sum => Some(summary.sum()),
        Aggregate::Rate => summary.rate(),
        Aggregate::Mean => summary.mean(),
        Aggregate::Min => summary.sketch.min,
        Aggregate::Max => summary.sketch.max,
        Aggregate::Quantile(percent) => summary.sketch.quantile(percent.share()),
    }
}

/// What has to be known of a window for an aggregate.
pub(super) fn wanted(aggregate: Aggregate) -> Wanted {
    match aggregate {
        Aggregate::Last => Wanted::Last,
        Aggregate::Quantile(_) => Wanted::Distribution,
        _ => Wanted::Totals,
    }
}

/// Nanoseconds of a window.
pub(super) fn window_ns(seconds: f64) -> Result<u64> {
    if !(seconds > 0.0 && seconds <= LONGEST_WINDOW_SECONDS) {
        let accepted = "a number of seconds above 0 and up to 3.2e9 (a hundred years)";
        return Err(MonitoringError::argument("window_seconds", accepted, seconds));
    }
    Ok((seconds * 1e9).ceil() as u64)
}

impl Shared {
    /// Whether a metric of this name is measured, was declared or was recorded.
    fn knows(&self, name: &str) -> bool {
        BuiltIn::from_name(name).is_some() || self.registry.metric(name).is_some()
    }

    /// What a metric's series that match did in a window, or since their first value: together, or apart by the values of
    /// the labels `by`. `None` for an unknown name.
    pub(super) fn summaries(
        &self,
        name: &str,
        matches: impl Fn(&Labels) -> bool,
        by: &[Arc<str>],
        window_ns: Option<u64>,
        wanted: Wanted,
    ) -> Option<Vec<(Labels, Summary)>> {
        if let Some(metric) = BuiltIn::from_name(name) {
            let found = matches(&Labels::default());
            return Some(
                found.then(|| (Labels::default(), self.measured(metric, window_ns))).into_iter().collect(),
            );
        }
        let metric = self.registry.metric(name)?;
        let is_counter = metric.declaration().kind() == Kind::Counter;
        let mut groups: BTreeMap<Labels, Vec<Arc<Series>>> = BTreeMap::new();
        if by.is_empty() {
            groups.entry(Labels::default()).or_default();
        }
        for series in metric.series().into_iter().filter(|series| matches(series.labels())) {
            groups.entry(series.labels().only(by)).or_default().push(series);
        }
        let now_ns = self.config.clock().monotonic_ns();
        let windows = self.windows.lock();
        let summary = |all: &[Arc<Series>]| {
            let all = all.iter().map(|series| &**series);
            let summary = match window_ns {
                Some(window_ns) => windows.summary(windows.span(now_ns, window_ns), all, wanted),
                None => windows.since_the_first(now_ns, all),
            };
            Summary { is_counter, ..summary }
        };
        Some(groups.into_iter().map(|(labels, all)| (labels, summary(&all))).collect())
    }

    /// The value of a recorded metric that is the newest; of a counter, the total.
    pub(super) fn last_recorded(&self, name: &str) -> Option<f64> {
        // Most metrics have no labels.
        let plain = self.registry.get(name);
        let metric = self.registry.metric(name)?;
        if let Some(series) = plain
            && metric.series().len() == 1
        {
            return series.last();
        }
        self.summaries(name, |_| true, &[], Some(1), Wanted::Last)?.pop()?.1.last
    }

    /// What the history has of a built-in metric.
    fn measured(&self, metric: BuiltIn, window_ns: Option<u64>) -> Summary {
        let history = self.history.lock();
        let now = history.newest().map_or(0.0, Stamped::timestamp_seconds).max(self.epoch_seconds());
        let begin = window_ns.map_or(f64::NEG_INFINITY, |window_ns| now - window_ns as f64 / 1e9);
        // One more, which counters are held against.
        let from = begin - 2.0 * self.config.interval_seconds();
        let rows: Vec<Interval> = history.range(from, f64::INFINITY).copied().collect();
        drop(history);
        let is_counter = metric.description().kind == Kind::Counter;
        let sketch = Sketch::new();
        let mut summary = Summary { is_counter, ..Summary::default() };
        let (mut before, mut first_begin) = (None, None);
        for row in rows {
            let stats = SystemStats::from(&row);
            let Some(value) = stats.value(metric) else { continue };
            let elapsed = stats.elapsed_seconds.unwrap_or(0.0);
            if stats.timestamp - elapsed / 2.0 > begin {
                let step = if is_counter { before.map(|before| value - before) } else { Some(value) };
                // A counter that is less than before began anew: what it has now came since.
                let step = step.map(|step| if is_counter && step < 0.0 { value } else { step });
                step.into_iter().for_each(|step| sketch.record(step));
                let begin = *first_begin.get_or_insert(stats.timestamp - elapsed);
                (summary.last, summary.seconds) = (Some(value), stats.timestamp - begin);
            }
            before = Some(value);
        }
        summary.sketch = sketch.snapshot();
        summary
    }
}
