//! Answers: what was recorded or measured in a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::history::Stamped;
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
        let Some(mut groups) = shared.summaries(name, matches, &[], window_ns) else {
            return Err(shared.no_value(name));
        };
        Ok(groups.pop().map(|(_, summary)| summary).unwrap_or_default())
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
    /// What a metric's series that match did in a window, or since their first value: together, or apart by the values of
    /// the labels `by`. `None` for an unknown name.
    pub(super) fn summaries(
        &self,
        name: &str,
        matches: impl Fn(&Labels) -> bool,
        by: &[Arc<str>],
        window_ns: Option<u64>,
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
                Some(window_ns) => windows.summary(windows.span(now_ns, window_ns), all),
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
        self.summaries(name, |_| true, &[], Some(1))?.pop()?.1.last
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
