//! What there is to show at one moment.

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::MonitorCore;
use mtaio_monitoring::snapshot::ThresholdState;
use mtaio_monitoring::{Snapshot, SystemStats};

/// One moment of a monitor and what led to it: all that the faces of the terminal are given.
#[derive(Clone, Debug)]
pub struct View {
    /// What is being watched, in a few words: the program's name.
    pub title: String,
    /// The moment.
    pub snapshot: Snapshot,
    /// Samples before and including the newest, oldest first; [`View::HISTORY`] of them are plenty.
    pub history: Vec<SystemStats>,
}

impl View {
    /// How many samples of the past are shown at most: a sparkline has a sample a column.
    pub const HISTORY: u32 = 240;

    /// The view of a monitor now. Locks nothing for long, and may be called from any thread.
    #[must_use]
    pub fn of(monitor: &MonitorCore, title: &str) -> Self {
        let mut view = Self::now(monitor, title);
        if let Some(newest) = &view.snapshot.stats {
            let start = newest.timestamp - view.snapshot.interval_seconds * f64::from(Self::HISTORY);
            // A start that is not a number cannot come of a sample; no history is then the honest answer.
            view.history = monitor.history(Some(start), None).unwrap_or_default();
        }
        view
    }

    /// The moment, without what led to it.
    pub(crate) fn now(monitor: &MonitorCore, title: &str) -> Self {
        Self { title: title.to_owned(), snapshot: Snapshot::of(monitor), history: Vec::new() }
    }

    /// The newest value of what a threshold watches, be it an expression; `None` where there is none.
    #[must_use]
    pub fn value_of(&self, threshold: &ThresholdState) -> Option<f64> {
        self.latest_value(&threshold.rule.metric).or(threshold.value)
    }

    /// The newest value of a metric; `None` where there is none.
    #[must_use]
    pub fn latest_value(&self, metric: &str) -> Option<f64> {
        match BuiltIn::from_name(metric) {
            Some(metric) => self.snapshot.stats.as_ref()?.value(metric),
            None => self.snapshot.recorded.iter().find(|series| &*series.name == metric)?.last,
        }
    }

    /// The thresholds, those that need somebody's eye first.
    pub(crate) fn thresholds_by_urgency(&self) -> Vec<&ThresholdState> {
        let mut thresholds: Vec<_> = self.snapshot.thresholds.iter().collect();
        thresholds.sort_by_key(|state| (!state.firing, !state.pending, !self.has_no_data(state)));
        thresholds
    }

    /// Whether the threshold's metric has had no value for so long that its name is probably misspelt.
    pub(crate) fn has_no_data(&self, state: &ThresholdState) -> bool {
        self.snapshot.health.thresholds_without_data.contains(&state.rule.metric)
    }
}
